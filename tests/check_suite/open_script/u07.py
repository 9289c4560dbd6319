import numpy as np

rng = np.random.default_rng(99)

sentences = [
    "dogs chase cats",
    "cats chase mice",
    "mice eat cheese",
    "dogs eat meat",
]
words = sorted({w for s in sentences for w in s.split()})
ids = {w: n for n, w in enumerate(words)}
V, D = len(words), 4

centre_vectors = rng.normal(0, 0.5, (V, D))
context_vectors = rng.normal(0, 0.5, (V, D))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def train_pair(centre, context, negatives, lr):
    v = centre_vectors[centre].copy()
    loss = 0
    grad_v = np.zeros(D)
    for word, label in [(context, 1)] + [(n, 0) for n in negatives]:
        u = context_vectors[word].copy()
        score = sigmoid(u @ v)
        loss -= np.log(score) if label else np.log(1 - score)
        g = score - label
        grad_v = g * u
        context_vectors[word] -= lr * g * v
    centre_vectors[centre] -= lr * grad_v
    return loss


for epoch in range(6):
    total = 0
    for sentence in sentences:
        tokens = [ids[w] for w in sentence.split()]
        for i, centre in enumerate(tokens):
            for j in (i - 1, i + 1):
                if 0 <= j < len(tokens):
                    others = [w for w in range(V) if w not in (centre, tokens[j])]
                    negatives = rng.choice(others, 2, replace=False)
                    total += train_pair(centre, tokens[j], negatives, 0.05)
    print(f"epoch {epoch}: {total:.3f}")
