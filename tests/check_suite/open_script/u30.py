import numpy as np

text = """the cat sat on the mat the dog sat on the log
the cat saw the dog the dog saw the cat"""
tokens = text.split()
vocabulary = list(dict.fromkeys(tokens))
lookup = {word: number for number, word in enumerate(vocabulary)}
numbers = np.array([lookup[word] for word in tokens])

middles = numbers[2:-2]
contexts = np.stack([numbers[:-4], numbers[1:-3], numbers[3:-1], numbers[4:]], axis=1)

np.random.seed(2013)
size = 3
E = np.random.randn(len(vocabulary), size) * 0.4
U = np.random.randn(len(vocabulary), size) * 0.4
lr = 1.0


def log_softmax(s):
    s = s - s.max(axis=1, keepdims=True)
    return s - np.log(np.exp(s).sum(axis=1, keepdims=True))


for epoch in range(60):
    bag = E[contexts].mean(axis=1)
    logp = log_softmax(bag @ U.T)
    loss = -logp[np.arange(len(middles)), middles].mean()
    if epoch % 20 == 0:
        print(f"epoch {epoch:3d}  perplexity {np.exp(loss):.3f}")

    dscores = np.exp(logp)
    dscores[np.arange(len(middles)), middles] -= 1
    dscores /= len(middles)
    dU = dscores.T @ bag
    dbag = dscores @ U
    dE = np.zeros_like(E)
    np.add.at(dE, contexts, dbag[:, None, :] / contexts.shape[1])
    U -= lr * dU
    E -= lr * dE
