import numpy as np

rng = np.random.default_rng(11)
params = {
    "W1": rng.normal(size=(3, 4)),
    "b1": rng.normal(size=4) * 0.1,
    "W2": rng.normal(size=(4, 1)),
    "b2": rng.normal(size=1) * 0.1,
}
data = (rng.normal(size=(7, 3)), rng.integers(0, 2, size=(7, 1)).astype(float))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(params, X, y):
    a1 = np.tanh(X @ params["W1"] + params["b1"])
    p = sigmoid(a1 @ params["W2"] + params["b2"])
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def grads(params, X, y):
    z1 = X @ params["W1"] + params["b1"]
    a1 = np.tanh(z1)
    p = sigmoid(a1 @ params["W2"] + params["b2"])
    d2 = (p - y) / len(X)
    #! missing-mean | d2 = p - y
    #! mean-twice | d2 = (p - y) / len(X) ** 2
    #! wrong-sign | d2 = (y - p) / len(X)
    #! activation-derivative-twice | d2 = (p - y) * p * (1 - p) / len(X)
    #= d2 = np.divide(p - y, X.shape[0])
    dW2 = a1.T @ d2
    #! wrong-operand | dW2 = z1.T @ d2
    #! wrong-constant-factor | dW2 = 3 * a1.T @ d2
    #= dW2 = np.dot(a1.T, d2)
    db2 = d2.sum(axis=0)
    #! bias-not-summed | db2 = d2
    #! mean-twice | db2 = d2.mean(axis=0)
    d1 = d2 @ params["W2"].T * (1 - a1**2)
    #! missing-activation-derivative | d1 = d2 @ params["W2"].T
    #! derivative-at-wrong-point | d1 = d2 @ params["W2"].T * (1 - z1**2)
    #! wrong-activation-derivative | d1 = d2 @ params["W2"].T * a1 * (1 - a1)
    #! activation-derivative-twice | d1 = d2 @ params["W2"].T * (1 - a1**2) ** 2
    #= d1 = np.outer(d2, params["W2"]) * (1 - np.square(a1))
    dW1 = X.T @ d1
    #! wrong-sign | dW1 = -X.T @ d1
    db1 = d1.sum(axis=0)
    #! wrong-constant-factor | db1 = 0.5 * d1.sum(axis=0)
    #= db1 = np.ones(len(X)) @ d1
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
