import numpy as np

np.random.seed(55)
params = {"U": np.random.randn(4, 2), "V": np.random.randn(1, 4)}
inputs = np.random.randn(6, 2)
outputs = np.random.randn(6)
data = (inputs, outputs)


def loss(params, inputs, outputs):
    J = 0.0
    for x, t in zip(inputs, outputs):
        h = np.tanh(params["U"].dot(x))
        yhat = params["V"].dot(h)[0]
        J += 0.5 * (yhat - t) ** 2
    return J


def grads(params, inputs, outputs):
    dU = np.zeros((4, 2))
    dV = np.zeros((1, 4))
    for x, t in zip(inputs, outputs):
        h = np.tanh(params["U"].dot(x))
        yhat = params["V"].dot(h)[0]
        e = yhat - t
        dV = e * h.reshape(1, -1)
        dh = e * params["V"][0] * (1 - h**2)
        dU += np.outer(dh, x)
    return {"U": dU, "V": dV}
