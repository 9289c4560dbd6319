import numpy as np

rng = np.random.default_rng(784)
pixels, m = 9, 8
params = {
    'W1': rng.uniform(-0.5, 0.5, (6, pixels)),
    'b1': rng.uniform(-0.5, 0.5, (6, 1)),
    'W2': rng.uniform(-0.5, 0.5, (4, 6)),
    'b2': rng.uniform(-0.5, 0.5, (4, 1)),
}
data = (rng.random((pixels, m)), rng.integers(0, 4, m))

def one_hot(Y):
    out = np.zeros((4, Y.size))
    out[Y, np.arange(Y.size)] = 1
    return out

def forward_prop(params, X):
    Z1 = params['W1'].dot(X) + params['b1']
    A1 = np.maximum(Z1, 0)
    Z2 = params['W2'].dot(A1) + params['b2']
    A2 = np.exp(Z2) / np.sum(np.exp(Z2), axis=0)
    return Z1, A1, Z2, A2

def loss(params, X, Y):
    A2 = forward_prop(params, X)[-1]
    return -np.log(A2[Y, np.arange(Y.size)]).mean()

def grads(params, X, Y):
    Z1, A1, Z2, A2 = forward_prop(params, X)
    n = Y.size
    dZ2 = A2 - one_hot(Y)
    dW2 = 1 / n * dZ2.dot(A1.T)
    db2 = 1 / n * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = params['W2'].T.dot(dZ2)
    dW1 = 1 / n * dZ1.dot(X.T)
    db1 = 1 / n * np.sum(dZ1, axis=1, keepdims=True)
    return {'W1': dW1, 'b1': db1, 'W2': dW2, 'b2': db2}
