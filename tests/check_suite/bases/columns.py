import numpy as np

np.random.seed(12)
n_hidden, n_out = 5, 3
params = {
    "W1": np.random.randn(n_hidden, 4),
    "b1": np.random.randn(n_hidden, 1) * 0.1,
    "W2": np.random.randn(n_out, n_hidden),
    "b2": np.random.randn(n_out, 1) * 0.1,
}
data = (np.random.randn(4, 8), np.random.randint(0, n_out, 8))


def forward(params, X):
    Z1 = np.dot(params["W1"], X) + params["b1"]
    A1 = np.maximum(Z1, 0)
    Z2 = np.dot(params["W2"], A1) + params["b2"]
    E = np.exp(Z2 - Z2.max(axis=0, keepdims=True))
    return Z1, A1, E / E.sum(axis=0, keepdims=True)


def loss(params, X, y):
    P = forward(params, X)[2]
    return -np.log(P[y, np.arange(len(y))]).mean()


def grads(params, X, y):
    m = X.shape[1]
    Z1, A1, P = forward(params, X)
    dZ2 = P.copy()
    dZ2[y, np.arange(m)] -= 1
    #! wrong-constant-factor | dZ2[y, np.arange(m)] -= 2
    #= dZ2 = P - np.eye(n_out)[:, y]
    dW2 = np.dot(dZ2, A1.T) / m
    #! missing-mean | dW2 = np.dot(dZ2, A1.T)
    #! wrong-constant-factor | dW2 = np.dot(dZ2, A1.T) / m * 2
    #! wrong-operand | dW2 = np.dot(dZ2, Z1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    #! missing-mean | db2 = np.sum(dZ2, axis=1, keepdims=True)
    #! mean-twice | db2 = np.mean(dZ2, axis=1, keepdims=True) / m
    #= db2 = dZ2.mean(axis=1).reshape(-1, 1)
    dA1 = np.dot(params["W2"].T, dZ2)
    #! wrong-operand | dA1 = np.dot(dW2.T, dZ2)
    dZ1 = dA1 * (Z1 > 0)
    #! wrong-activation-derivative | dZ1 = dA1 * np.ones_like(Z1)
    #! missing-activation-derivative | dZ1 = dA1.copy()
    #! wrong-sign | dZ1 = -dA1 * (Z1 > 0)
    #= dZ1 = np.where(A1 > 0, dA1, 0)
    dW1 = np.dot(dZ1, X.T) / m
    #! mean-twice | dW1 = np.dot(dZ1, X.T) / m / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    #! bias-not-summed | db1 = dZ1 / m
    #= db1 = np.dot(dZ1, np.ones((m, 1))) / m
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
