"""Layers, optimizers and models as classes that remember things between calls."""

import numpy as np

from .case import Case


class _Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


class _Affine:
    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.x = None
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class _SoftmaxWithLoss:
    def forward(self, x, t):
        self.t = t
        x = x.T
        x = x - np.max(x, axis=0)
        self.y = (np.exp(x) / np.sum(np.exp(x), axis=0)).T
        batch_size = self.y.shape[0]
        return -np.sum(np.log(self.y[np.arange(batch_size), t] + 1e-7)) / batch_size

    def backward(self, dout=1):
        batch_size = self.t.shape[0]
        dx = self.y.copy()
        dx[np.arange(batch_size), self.t] -= 1
        return dx * dout / batch_size


def layer_objects(x, t, W1, b1, W2, b2):
    """Textbook style: layer objects in a list, each caching what its backward pass needs."""
    layers = [_Affine(W1, b1), _Relu(), _Affine(W2, b2)]
    last_layer = _SoftmaxWithLoss()
    out = x
    for layer in layers:
        out = layer.forward(out)
    loss = last_layer.forward(out, t)
    dout = last_layer.backward()
    for layer in reversed(layers):
        dout = layer.backward(dout)
    return loss, layers[0].dW, layers[0].db, layers[2].dW, layers[2].db


class _BatchNorm:
    def __init__(self, gamma, beta, momentum=0.9, eps=1e-5):
        self.gamma = gamma
        self.beta = beta
        self.momentum = momentum
        self.eps = eps
        self.running_mean = None
        self.running_var = None

    def forward(self, x, train=True):
        if self.running_mean is None:
            self.running_mean = np.zeros(x.shape[1])
            self.running_var = np.zeros(x.shape[1])
        if train:
            mu = x.mean(axis=0)
            xc = x - mu
            var = np.mean(xc**2, axis=0)
            std = np.sqrt(var + self.eps)
            xn = xc / std
            self.cache = (xc, xn, std)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            xn = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
        return self.gamma * xn + self.beta

    def backward(self, dout):
        xc, xn, std = self.cache
        N = dout.shape[0]
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / std
        dstd = -np.sum((dxn * xc) / (std * std), axis=0)
        dvar = 0.5 * dstd / std
        dxc += (2.0 / N) * xc * dvar
        dmu = np.sum(dxc, axis=0)
        return dxc - dmu / N


def batch_norm_object(x, gamma, beta, dout, x_test):
    """Textbook style: batch normalisation with running statistics, used after training too."""
    norm = _BatchNorm(gamma, beta)
    out = norm.forward(x)
    dx = norm.backward(dout)
    test_out = norm.forward(x_test, train=False)
    return {"out": out, "dx": dx, "dgamma": norm.dgamma, "dbeta": norm.dbeta, "test": test_out}


class _Momentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        if self.v is None:
            self.v = {}
            for key, val in params.items():
                self.v[key] = np.zeros_like(val)
        for key in params:
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


def momentum_object(params, grads):
    """Textbook style: an optimizer object with lazily made velocities, parameters in place."""
    optimizer = _Momentum(lr=0.1)
    for _ in range(3):
        optimizer.update(params, grads)


class _LinearRegressor:
    def __init__(self, learning_rate=0.1, n_iterations=4, alpha=0.01):
        self.learning_rate = learning_rate
        self.n_iterations = n_iterations
        self.alpha = alpha

    def fit(self, X, y):
        X = np.concatenate([np.ones((X.shape[0], 1)), X], axis=1)
        self.training_errors = []
        self.w = np.zeros(X.shape[1])
        for _ in range(self.n_iterations):
            y_pred = X.dot(self.w)
            mse = np.mean(0.5 * (y - y_pred) ** 2 + self.alpha * np.sum(np.abs(self.w)))
            self.training_errors.append(float(mse))
            grad_w = -(y - y_pred).dot(X) / len(y) + self.alpha * np.sign(self.w)
            self.w = self.w - self.learning_rate * grad_w
        return self

    def predict(self, X):
        X = np.concatenate([np.ones((X.shape[0], 1)), X], axis=1)
        return X.dot(self.w)


def regressor_object(X, y, X_new):
    """ML-from-scratch style: an estimator with `fit` and `predict` that logs its errors."""
    model = _LinearRegressor().fit(X, y)
    return model.predict(X_new)


class _Layer:
    def __init__(self):
        self.params = {}
        self.grads = {}


class _Linear(_Layer):
    def __init__(self, w, b):
        super().__init__()
        self.params["w"] = w
        self.params["b"] = b

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.params["w"] + self.params["b"]

    def backward(self, grad):
        self.grads["b"] = np.sum(grad, axis=0)
        self.grads["w"] = self.inputs.T @ grad
        return grad @ self.params["w"].T


class _Activation(_Layer):
    def __init__(self, f, f_prime):
        super().__init__()
        self.f = f
        self.f_prime = f_prime

    def forward(self, inputs):
        self.inputs = inputs
        return self.f(inputs)

    def backward(self, grad):
        return self.f_prime(self.inputs) * grad


class _NeuralNet:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, inputs):
        for layer in self.layers:
            inputs = layer.forward(inputs)
        return inputs

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def params_and_grads(self):
        for layer in self.layers:
            for name, param in layer.params.items():
                yield param, layer.grads[name]


def net_with_generator(inputs, targets, weights, biases):
    """Live-coding style: subclassed layers, and an update over a generator of (param, grad)."""
    layers = []
    for i, (w, b) in enumerate(zip(weights, biases)):
        layers.append(_Linear(w, b))
        if i < len(weights) - 1:
            layers.append(_Activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2))
    net = _NeuralNet(layers)
    epoch_loss = 0.0
    for start in range(0, len(inputs), 4):
        end = start + 4
        predicted = net.forward(inputs[start:end])
        actual = targets[start:end]
        epoch_loss += np.sum((predicted - actual) ** 2)
        net.backward(2 * (predicted - actual))
        for param, grad in net.params_and_grads():
            param -= 0.01 * grad
    return epoch_loss


CASES = [
    Case(
        "layer_objects",
        layer_objects,
        lambda rng: (
            rng.normal(size=(6, 4)),
            rng.integers(0, 3, size=6),
            rng.normal(size=(4, 5)),
            rng.normal(size=5),
            rng.normal(size=(5, 3)),
            rng.normal(size=3),
        ),
        (0, 2, 3, 4, 5),
    ),
    Case(
        "batch_norm_object",
        batch_norm_object,
        lambda rng: (
            rng.normal(size=(8, 3)),
            rng.normal(size=3),
            rng.normal(size=3),
            rng.normal(size=(8, 3)),
            rng.normal(size=(2, 3)),
        ),
        (0, 1, 2, 3, 4),
    ),
    Case(
        "momentum_object",
        momentum_object,
        lambda rng: (
            {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=4)},
            {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=4)},
        ),
        (),
    ),
    Case(
        "regressor_object",
        regressor_object,
        lambda rng: (rng.normal(size=(9, 3)), rng.normal(size=9), rng.normal(size=(2, 3))),
        (0, 1, 2),
    ),
    Case(
        "net_with_generator",
        net_with_generator,
        lambda rng: (
            rng.normal(size=(10, 3)),
            rng.normal(size=(10, 2)),
            [rng.normal(size=(3, 5)), rng.normal(size=(5, 2))],
            [rng.normal(size=5), rng.normal(size=2)],
        ),
        (0, 1, 2, 3),
    ),
]
