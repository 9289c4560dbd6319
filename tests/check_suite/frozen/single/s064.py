import numpy as np

np.random.seed(8)
X = np.random.randn(3, 10)
Y = (np.random.rand(2, 10) > 0.4).astype(float)
data = (X, Y)
params = {'W': np.random.randn(2, 3), 'b': np.random.randn(2, 1)}


def loss(params, X, Y):
    AL = 1 / (1 + np.exp(-(params['W'] @ X + params['b'])))
    m = Y.shape[1]
    return -1 / m * np.sum(Y * np.log(AL) + (1 - Y) * np.log(1 - AL))


def grads(params, X, Y):
    m = Y.shape[1]
    AL = 1 / (1 + np.exp(-(params['W'] @ X + params['b'])))
    dAL = -np.divide(Y, AL) - np.divide(1 - Y, 1 - AL)
    dZ = dAL * AL * (1 - AL)
    return {'W': 1 / m * dZ @ X.T, 'b': 1 / m * dZ.sum(axis=1, keepdims=True)}
