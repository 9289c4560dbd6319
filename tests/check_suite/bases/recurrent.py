import numpy as np

rng = np.random.default_rng(14)
T, H = 4, 3
params = {
    "Wx": rng.normal(size=(2, H)) * 0.8,
    "Wh": rng.normal(size=(H, H)) * 0.6,
    "b": rng.normal(size=H) * 0.1,
    "V": rng.normal(size=(H, 1)),
}
data = (rng.normal(size=(5, T, 2)), rng.normal(size=(5, 1)))


def unroll(params, X):
    hs = [np.zeros((len(X), H))]
    for t in range(T):
        hs.append(np.tanh(X[:, t] @ params["Wx"] + hs[-1] @ params["Wh"] + params["b"]))
    return hs


def loss(params, X, y):
    return np.mean((unroll(params, X)[-1] @ params["V"] - y) ** 2)


def grads(params, X, y):
    hs = unroll(params, X)
    g = {name: np.zeros_like(value) for name, value in params.items()}
    dout = 2 * (hs[-1] @ params["V"] - y) / len(X)
    #! wrong-constant-factor | dout = (hs[-1] @ params["V"] - y) / len(X)
    #! wrong-sign | dout = 2 * (y - hs[-1] @ params["V"]) / len(X)
    #= dout = 2.0 / len(X) * (hs[T] @ params["V"] - y)
    g["V"] = hs[-1].T @ dout
    #! wrong-operand | g["V"] = hs[-2].T @ dout
    dh = dout @ params["V"].T
    for t in reversed(range(T)):
        #! off-by-one | for t in reversed(range(1, T)):
        #= for t in range(T - 1, -1, -1):
        dz = dh * (1 - hs[t + 1] ** 2)
        #! missing-activation-derivative | dz = dh + 0.0
        #! derivative-at-wrong-point | dz = dh * (1 - np.tanh(hs[t + 1]) ** 2)
        #= dz = dh - dh * hs[t + 1] * hs[t + 1]
        g["Wx"] += X[:, t].T @ dz
        #! not-accumulated | g["Wx"] = X[:, t].T @ dz
        g["Wh"] += hs[t].T @ dz
        #! not-accumulated | g["Wh"] = hs[t].T @ dz
        #! off-by-one wrong-operand | g["Wh"] += hs[t + 1].T @ dz
        #= g["Wh"] = g["Wh"] + np.dot(hs[t].T, dz)
        g["b"] += dz.sum(axis=0)
        #! mean-twice | g["b"] += dz.mean(axis=0)
        #! not-accumulated | g["b"] = dz.sum(axis=0)
        #= g["b"] += np.sum(dz, 0)
        dh = dz @ params["Wh"].T
        #! wrong-transpose | dh = dz @ params["Wh"]
    return g
