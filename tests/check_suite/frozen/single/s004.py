import numpy as np

rng = np.random.RandomState(231)
D, C, N = 5, 3, 8
reg = 1e-2

params = {'W': 0.3 * rng.randn(D, C), 'b': 0.1 * rng.randn(C)}
data = (rng.randn(N, D), rng.randint(C, size=N))


def loss(params, X, y):
    scores = X @ params['W'] + params['b']
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    data_loss = -np.log(probs[np.arange(len(y)), y]).mean()
    return data_loss + 0.5 * reg * np.sum(params['W'] ** 2)


def grads(params, X, y):
    num_train = X.shape[0]
    scores = X @ params['W'] + params['b']
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)

    dscores = probs.copy()
    dscores[np.arange(num_train), y] -= 1

    dW = X.T @ dscores
    dW += reg * params['W']
    db = dscores.sum(axis=0)
    return {'W': dW, 'b': db}
