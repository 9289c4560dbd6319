import numpy as np

g = np.random.default_rng(4)
V, E, H = 5, 2, 4
params = {"C": g.normal(size=(V, E)), "W": g.normal(size=(2 * E, H)), "b": g.normal(size=H), "U": g.normal(size=(H, V))}
data = (np.array([[0, 1], [1, 1], [4, 2], [0, 0]]), np.array([1, 4, 2, 0]))


def forward(p, X):
    emb = p["C"][X].reshape(len(X), -1)
    h = np.tanh(emb @ p["W"] + p["b"])
    e = np.exp(h @ p["U"])
    return emb, h, e / e.sum(1, keepdims=True)


def loss(p, X, y):
    return -np.log(forward(p, X)[2][np.arange(len(y)), y]).mean()


def grads(p, X, y):
    emb, h, q = forward(p, X)
    dlogits = (q - np.eye(V)[y]) / len(y)
    dh = (dlogits @ p["U"].T) * (1 - h * h)
    demb = (dh @ p["W"].T).reshape(-1, E)
    dC = np.eye(V)[X.ravel()].T @ demb
    return {"C": dC, "W": emb.T @ dh, "b": dh.sum(0), "U": h.T @ dlogits}
