import numpy as np

rng = np.random.default_rng(20)
params = {"U": rng.normal(size=(4, 2)), "V": rng.normal(size=(2, 4))}
data = (rng.normal(size=(5, 2)), rng.uniform(0.1, 0.9, size=(5, 2)))


def sigma(z):
    return 1.0 / (1.0 + np.exp(-z))


def loss(params, xs, ts):
    total = 0.0
    for x, t in zip(xs, ts):
        o = sigma(params["V"].dot(sigma(params["U"].dot(x))))
        total += 0.5 * np.sum((o - t) ** 2)
    return total


def grads(params, xs, ts):
    dU, dV = np.zeros((4, 2)), np.zeros((2, 4))
    for x, t in zip(xs, ts):
        h = sigma(params["U"].dot(x))
        o = sigma(params["V"].dot(h))
        do = (o - t) * o * (1 - o)
        #! missing-activation-derivative | do = o - t
        #! wrong-sign | do = (t - o) * o * (1 - o)
        #! wrong-activation-derivative | do = (o - t) * (1 - o**2)
        #= do = (o - t) * (o - o * o)
        dV += np.outer(do, h)
        #! not-accumulated | dV = np.outer(do, h)
        #! wrong-sign | dV -= np.outer(do, h)
        #= dV += do[:, None] * h[None, :]
        dh = params["V"].T.dot(do) * h * (1 - h)
        #! missing-activation-derivative | dh = params["V"].T.dot(do)
        #= dh = do.dot(params["V"]) * h * (1 - h)
        dU += np.outer(dh, x)
        #! not-accumulated | dU = np.outer(dh, x)
        #! wrong-constant-factor | dU += 2 * np.outer(dh, x)
        #= dU = dU + np.outer(dh, x)
    return {"U": dU, "V": dV}
