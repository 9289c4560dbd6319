import numpy as np

np.random.seed(88)
lam = 0.1
X = np.random.randn(6, 4)
Y = np.eye(3)[np.random.randint(0, 3, 6)]
data = (X, Y)
params = {
    "W1": np.random.randn(4, 5) * 0.5,
    "b1": np.zeros(5),
    "W2": np.random.randn(5, 3) * 0.5,
    "b2": np.zeros(3),
}

def feed(params, X):
    A = np.tanh(X @ params["W1"] + params["b1"])
    Z = A @ params["W2"] + params["b2"]
    Z = Z - Z.max(axis=1, keepdims=True)
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    return A, P

def loss(params, X, Y):
    _, P = feed(params, X)
    ce = -np.sum(Y * np.log(P)) / len(X)
    return ce + lam * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))

def grads(params, X, Y):
    A, P = feed(params, X)
    dZ = (P - Y) / len(X)
    dW2 = A.T @ dZ + lam * params["W2"]
    db2 = dZ.sum(axis=0)
    dA = dZ @ params["W2"].T
    dH = dA * (1 - A**2)
    dW1 = X.T @ dH + 2 * lam * params["W1"]
    db1 = dH.sum(axis=0)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
