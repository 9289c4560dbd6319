import numpy as np

np.random.seed(31)

def sig(v):
    return 1 / (1 + np.exp(-v))

X = np.random.uniform(-1, 1, (6, 3))
y = np.random.uniform(0, 1, (6, 3))
data = X, y
params = {"W1": np.random.randn(3, 3), "b1": np.random.randn(3),
          "W2": np.random.randn(3, 3), "b2": np.random.randn(3)}

def loss(params, X, y):
    hid = sig(X @ params["W1"] + params["b1"])
    out = sig(hid @ params["W2"] + params["b2"])
    return 0.5 * ((out - y) ** 2).sum() / len(X)

def grads(params, X, y):
    hid = sig(X @ params["W1"] + params["b1"])
    out = sig(hid @ params["W2"] + params["b2"])
    d_out = (out - y) / len(X) * out * (1 - out)
    d_hid = d_out @ params["W2"] * hid * (1 - hid)
    return {"W1": X.T @ d_hid, "b1": d_hid.sum(0),
            "W2": hid.T @ d_out, "b2": d_out.sum(0)}
