import numpy as np

g = np.random.default_rng(2147483647)
vocab, emb, block, hid = 6, 2, 3, 5
f32 = np.float32
params = {
    "C": g.standard_normal((vocab, emb)).astype(f32),
    "W1": (g.standard_normal((block * emb, hid)) * 0.5).astype(f32),
    "b1": (g.standard_normal(hid) * 0.1).astype(f32),
    "W2": (g.standard_normal((hid, vocab)) * 0.5).astype(f32),
    "b2": (g.standard_normal(vocab) * 0.1).astype(f32),
}
Xb = g.integers(0, vocab, size=(4, block))
Yb = g.integers(0, vocab, size=4)
data = (Xb, Yb)


def fwd(p, Xb):
    embcat = p["C"][Xb].reshape(len(Xb), -1)
    h = np.tanh(embcat @ p["W1"] + p["b1"])
    logits = h @ p["W2"] + p["b2"]
    counts = np.exp(logits - logits.max(1, keepdims=True))
    probs = counts / counts.sum(1, keepdims=True)
    return embcat, h, probs


def loss(p, Xb, Yb):
    probs = fwd(p, Xb)[2]
    return -np.log(probs[range(len(Yb)), Yb]).mean()


def grads(p, Xb, Yb):
    n = len(Yb)
    embcat, h, probs = fwd(p, Xb)
    dlogits = probs.copy()
    dlogits[range(n), Yb] -= 1
    dlogits /= n
    dh = dlogits @ p["W2"].T
    dW2 = h.T @ dlogits
    db2 = dlogits.sum(0)
    dhpreact = (1.0 - h) * dh
    dW1 = embcat.T @ dhpreact
    db1 = dhpreact.sum(0)
    demb = (dhpreact @ p["W1"].T).reshape(n, block, emb)
    dC = np.zeros_like(p["C"])
    for k in range(n):
        for j in range(block):
            dC[Xb[k, j]] += demb[k, j]
    return {"C": dC, "W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
