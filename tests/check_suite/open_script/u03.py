import numpy as np

rng = np.random.default_rng(314)
n_classes = 4
centers = rng.normal(size=(n_classes, 3)) * 2
labels = rng.integers(n_classes, size=48)
x_train = centers[labels] + rng.normal(size=(48, 3))
y_train = np.eye(n_classes)[labels]


def softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(probs, onehot):
    return -np.sum(onehot * np.log(probs)) / onehot.shape[0]


W = rng.normal(scale=0.1, size=(3, n_classes))
b = np.zeros(n_classes)
vW, vb = np.zeros_like(W), np.zeros_like(b)
eta, mu = 0.1, 0.9
curve = []

for epoch in range(6):
    perm = rng.permutation(len(x_train))
    for k in range(0, len(perm), 8):
        xb, yb = x_train[perm[k : k + 8]], y_train[perm[k : k + 8]]
        probs = softmax(xb @ W + b)
        curve.append(cross_entropy(probs, yb))

        diff = probs - yb
        gW = xb.T @ diff / len(xb)
        gb = diff.sum(axis=0)

        vW = mu * vW - eta * gW
        vb = mu * vb - eta * gb
        W += vW
        b += vb

accuracy = (softmax(x_train @ W + b).argmax(axis=1) == labels).mean()
print(f"loss {curve[0]:.3f} -> {curve[-1]:.3f}, accuracy {accuracy:.2f}")
