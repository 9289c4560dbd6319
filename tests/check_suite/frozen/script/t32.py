import numpy as np

rng = np.random.default_rng(89)
X = rng.normal(size=(45, 5))
y = np.argmax(X[:, :3] + 0.3 * rng.normal(size=(45, 3)), axis=1)
W = 0.3 * rng.normal(size=(5, 3))
b = np.zeros(3)
reg = 0.1

losses = []
for it in range(120):
    scores = X @ W + b
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    losses.append(-np.log(p[np.arange(len(y)), y]).mean() + 0.5 * reg * np.sum(W * W))

    p[np.arange(len(y)), y] -= 1
    p /= len(y)
    dW = X.T @ p
    db = p.sum(axis=0)
    dW += 2 * reg * W

    W -= 0.5 * dW
    b -= 0.5 * db

print("start %.4f end %.4f" % (losses[0], losses[-1]))
