import numpy as np

np.random.seed(2017)
T, D, dk = 4, 3, 2
X = np.random.randn(T, D)
Y = np.random.randn(T, 1)
data = (X, Y)
params = {
    'Wq': np.random.randn(D, dk),
    'Wk': np.random.randn(D, dk),
    'Wv': np.random.randn(D, dk),
    'Wo': np.random.randn(dk, 1),
}
causal = np.tril(np.ones((T, T), dtype=bool))

def forward(params, X):
    Q = X @ params['Wq']
    K = X @ params['Wk']
    V = X @ params['Wv']
    S = np.where(causal, Q @ K.T / np.sqrt(dk), -1e9)
    A = np.exp(S - S.max(axis=1, keepdims=True))
    A /= A.sum(axis=1, keepdims=True)
    C = A @ V
    return Q, K, V, A, C, C @ params['Wo']

def loss(params, X, Y):
    return np.mean((forward(params, X)[-1] - Y) ** 2)

def grads(params, X, Y):
    Q, K, V, A, C, out = forward(params, X)
    dout = 2 * (out - Y) / T
    dWo = C.T @ dout
    dC = dout @ params['Wo'].T
    dA = dC @ V.T
    dV = A.T @ dC
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True)) / np.sqrt(dk)
    dQ = dS @ K
    dK = dS @ Q
    return {'Wq': X.T @ dQ, 'Wk': X.T @ dK, 'Wv': X.T @ dV, 'Wo': dWo}
