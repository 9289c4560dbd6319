import numpy as np

np.random.seed(40)
H, D = 3, 2
params = {'Wx': np.random.randn(H, D), 'Wh': np.random.randn(H, H) * 0.6}
data = (np.random.randn(4, D, 5), np.random.randn(4, H, 5))

def run(p, X):
    hs = [np.zeros((H, X.shape[2]))]
    for x in X:
        hs.append(np.tanh(p['Wx'] @ x + p['Wh'] @ hs[-1]))
    return hs

def loss(p, X, y):
    hs = run(p, X)
    return 0.5 * sum(((h - t) ** 2).sum() for h, t in zip(hs[1:], y))

def grads(p, X, y):
    hs = run(p, X)
    dWx = np.zeros_like(p['Wx'])
    dWh = np.zeros_like(p['Wh'])
    dnext = np.zeros_like(hs[0])
    for t in reversed(range(len(X))):
        dh = hs[t + 1] - y[t]
        dz = dh * (1 - hs[t + 1] ** 2)
        dWx += dz @ X[t].T
        dWh = dz @ hs[t].T
        dnext = p['Wh'].T @ dz
    return {'Wx': dWx, 'Wh': dWh}
