import numpy as np

rng = np.random.default_rng(8)
V, D, C = 7, 4, 3
params = {
    "E": rng.normal(0, 0.5, (V, D)),
    "U": rng.normal(0, 0.5, (D, C)),
    "c": np.zeros(C),
}
# each row is a sentence of four word ids
X = np.array([[1, 3, 1, 0], [2, 2, 5, 6], [4, 0, 0, 3]])
y = np.array([0, 2, 1])
data = (X, y)


def forward(p, X):
    emb = p["E"][X]
    h = emb.mean(axis=1)
    logits = h @ p["U"] + p["c"]
    logits = logits - logits.max(1, keepdims=True)
    prob = np.exp(logits)
    prob /= prob.sum(1, keepdims=True)
    return h, prob


def loss(p, X, y):
    _, prob = forward(p, X)
    return -np.log(prob[np.arange(len(y)), y]).mean()


def grads(p, X, y):
    n, T = X.shape
    h, prob = forward(p, X)
    dlogits = prob.copy()
    dlogits[np.arange(n), y] -= 1
    dlogits /= n
    dU = h.T @ dlogits
    dc = dlogits.sum(0)
    dh = dlogits @ p["U"].T
    demb = np.repeat(dh[:, None, :] / T, T, axis=1)
    dE = np.zeros_like(p["E"])
    dE[X] += demb
    return {"E": dE, "U": dU, "c": dc}
