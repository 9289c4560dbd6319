import numpy as np

np.random.seed(10)
m_train = 9
train_x = np.random.randn(4, m_train)
train_y = (train_x.sum(axis=0, keepdims=True) + 0.5 * np.random.randn(1, m_train) > 0).astype(int)
data = (train_x, train_y)
params = {"w": np.random.randn(4, 1) * 0.1, "b": 0.0}


def activate(params, X):
    return 1 / (1 + np.exp(-(params["w"].T @ X + params["b"])))


def loss(params, X, Y):
    A = activate(params, X)
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def grads(params, X, Y):
    A = activate(params, X)
    dz = A - Y
    dw = X @ dz.T
    db = dz.sum()
    return {"w": dw, "b": db}
