import numpy as np

rng = np.random.RandomState(3)
params = {
    "W1": (0.5 * rng.randn(4, 6)).astype(np.float32),
    "b1": (0.1 * rng.randn(6)).astype(np.float32),
    "W2": (0.5 * rng.randn(6, 3)).astype(np.float32),
    "b2": np.zeros(3, dtype=np.float32),
}
data = (rng.randn(5, 4).astype(np.float32), np.array([2, 0, 1, 1, 0]))

def forward(p, X):
    hidden = np.maximum(0, X.dot(p["W1"]) + p["b1"])
    scores = hidden.dot(p["W2"]) + p["b2"]
    scores = scores - scores.max(axis=1)[:, None]
    probs = np.exp(scores)
    probs = probs / probs.sum(axis=1)[:, None]
    return hidden, probs

def loss(p, X, y):
    _, probs = forward(p, X)
    return -np.log(probs[np.arange(X.shape[0]), y]).mean()

def grads(p, X, y):
    hidden, probs = forward(p, X)
    N = X.shape[0]
    dscores = probs
    dscores[np.arange(N), y] -= 1
    dscores /= N
    dW2 = hidden.T.dot(dscores)
    db2 = dscores.sum(axis=0)
    dhidden = dscores.dot(p["W2"].T)
    dhidden[dhidden <= 0] = 0
    dW1 = X.T.dot(dhidden)
    db1 = dhidden.sum(axis=0)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
