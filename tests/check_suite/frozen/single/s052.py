import numpy as np

rng = np.random.default_rng(6)
params = {
    'W1': rng.normal(size=(3, 5)),
    'b1': rng.normal(size=5),
    'W2': rng.normal(size=(5, 4)),
    'b2': rng.normal(size=4),
}
data = (rng.normal(size=(6, 3)), rng.normal(size=(6, 4)))

def hidden(params, X):
    return 1 / (1 + np.exp(-(X @ params['W1'] + params['b1'])))

def loss(params, X, Y):
    prediction = hidden(params, X) @ params['W2'] + params['b2']
    return np.mean((prediction - Y) ** 2)

def grads(params, X, Y):
    H = hidden(params, X)
    prediction = H @ params['W2'] + params['b2']
    dP = 2 * (prediction - Y) / X.shape[0]
    dH = dP @ params['W2'].T * H * (1 - H)
    return {'W1': X.T @ dH, 'b1': dH.sum(0), 'W2': H.T @ dP, 'b2': dP.sum(0)}
