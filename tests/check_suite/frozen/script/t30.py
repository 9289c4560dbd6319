import numpy as np

np.random.seed(17)
T, D = 5, 4
X = np.random.randn(T, D)
target = X[::-1].copy()
Wq = np.random.randn(D, D) * 0.5
Wk = np.random.randn(D, D) * 0.5
Wv = np.random.randn(D, D) * 0.5
lr = 0.2


def attention(X, Wq, Wk, Wv):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    scores = Q @ K.T / np.sqrt(D)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return Q, K, V, weights, weights @ V


for step in range(150):
    Q, K, V, A, out = attention(X, Wq, Wk, Wv)
    loss = np.mean((out - target) ** 2)
    if step % 50 == 0:
        print("step", step, "loss", loss)

    d_out = 2 * (out - target) / out.size
    dV = A.T @ d_out
    dA = d_out @ V.T
    d_scores = dA * (A * (1 - A))
    d_scores /= np.sqrt(D)
    dQ = d_scores @ K
    dK = d_scores.T @ Q

    Wq -= lr * X.T @ dQ
    Wk -= lr * X.T @ dK
    Wv -= lr * X.T @ dV
