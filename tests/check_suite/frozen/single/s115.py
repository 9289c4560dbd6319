import numpy as np

rng = np.random.RandomState(40)
lam = 1.0
X = rng.randn(7, 3)
y = rng.randint(0, 2, (7, 1))
data = X, y
params = {'Theta1': rng.randn(4, 4) * 0.4, 'Theta2': rng.randn(5, 1) * 0.4}


def g(z): return 1 / (1 + np.exp(-z))
def add_bias(A): return np.hstack([np.ones((A.shape[0], 1)), A])


def loss(params, X, y):
    m = X.shape[0]
    h = g(add_bias(g(add_bias(X) @ params['Theta1'])) @ params['Theta2'])
    J = -np.sum(y * np.log(h) + (1 - y) * np.log(1 - h)) / m
    return J + lam / (2 * m) * sum(np.sum(params[k][1:] ** 2) for k in params)


def grads(params, X, y):
    m = X.shape[0]
    a1 = add_bias(X)
    a2 = add_bias(g(a1 @ params['Theta1']))
    h = g(a2 @ params['Theta2'])
    d3 = h - y
    d2 = (d3 @ params['Theta2'].T * a2 * (1 - a2))[:, 1:]
    G = {'Theta1': a1.T @ d2 / m, 'Theta2': a2.T @ d3 / m}
    for k in G:
        G[k] += lam / m * params[k]
    return G
