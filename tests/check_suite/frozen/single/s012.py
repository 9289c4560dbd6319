import numpy as np

np.random.seed(21)
images = np.random.randn(3, 5, 5)
targets = np.random.randn(3, 3, 3)
params = {"K": np.random.randn(3, 3), "bias": np.array([0.2])}
data = (images, targets)

def conv(image, K, b):
    out = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            out[i, j] = np.sum(image[i : i + 3, j : j + 3] * K) + b[0]
    return out

def loss(params, X, y):
    total = 0.0
    for image, target in zip(X, y):
        out = conv(image, params["K"], params["bias"])
        total += np.sum((out - target) ** 2)
    return total / len(X)

def grads(params, X, y):
    dK = np.zeros_like(params["K"])
    db = np.zeros_like(params["bias"])
    for image, target in zip(X, y):
        out = conv(image, params["K"], params["bias"])
        dout = 2 * (out - target) / len(X)
        for i in range(3):
            for j in range(3):
                dK = dout[i, j] * image[i : i + 3, j : j + 3]
                db += dout[i, j]
    return {"K": dK, "bias": db}
