import numpy as np

np.random.seed(1)
layers_dims = [3, 4, 2, 1]
lambd = 0.1
params = {}
for l in range(1, len(layers_dims)):
    params["W" + str(l)] = np.random.randn(layers_dims[l], layers_dims[l - 1]) * 0.7
    params["b" + str(l)] = np.zeros((layers_dims[l], 1)) + 0.02
data = (np.random.randn(3, 6), np.array([[1, 0, 1, 1, 0, 0]]))

def linear_forward(A, W, b):
    return W @ A + b, (A, W)

def L_model_forward(X, params):
    A, caches = X, []
    for l in (1, 2, 3):
        Z, lin = linear_forward(A, params[f"W{l}"], params[f"b{l}"])
        A = np.maximum(0, Z) if l < 3 else 1 / (1 + np.exp(-Z))
        caches.append((lin, Z))
    return A, caches

def loss(params, X, Y):
    AL, _ = L_model_forward(X, params)
    m = Y.shape[1]
    cross = -np.sum(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)) / m
    return cross + lambd / (2 * m) * sum(np.sum(np.square(params[f"W{l}"])) for l in (1, 2, 3))

def relu_backward(dA, Z):
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ

def sigmoid_backward(dA, Z):
    s = 1 / (1 + np.exp(-Z))
    return dA * s * (1 - s)

def grads(params, X, Y):
    g = {}
    AL, caches = L_model_forward(X, params)
    m = Y.shape[1]
    dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    for l in (3, 2, 1):
        (A_prev, W), Z = caches[l - 1]
        dZ = sigmoid_backward(dA, Z) if l == 3 else relu_backward(dA, Z)
        g[f"W{l}"] = dZ @ A_prev.T / m + lambd / m * W
        g[f"b{l}"] = np.sum(dZ, axis=1, keepdims=True) / m
        dA = W.T @ dZ
    return g
