import numpy as np

np.random.seed(1)
m = 6
X = np.random.randn(2, m)
Y = np.random.randint(0, 2, m)
data = (X, Y)
params = {'w1': 0.3, 'w2': -0.5, 'b': 0.1}

def sigma(z):
    return 1 / (1 + np.exp(-z))

def loss(params, X, Y):
    J = 0
    for i in range(X.shape[1]):
        a = sigma(params['w1'] * X[0, i] + params['w2'] * X[1, i] + params['b'])
        J += -(Y[i] * np.log(a) + (1 - Y[i]) * np.log(1 - a))
    return J / X.shape[1]

def grads(params, X, Y):
    dw1 = dw2 = db = 0
    for i in range(X.shape[1]):
        a = sigma(params['w1'] * X[0, i] + params['w2'] * X[1, i] + params['b'])
        dz = a - Y[i]
        dw1 += X[0, i] * dz
        dw2 += X[1, i] * dz
        db += dz
    return {'w1': dw1 / X.shape[1], 'w2': dw2 / X.shape[1], 'b': db / X.shape[1]}
