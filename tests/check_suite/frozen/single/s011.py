import numpy as np

np.random.seed(9)
N, D_in, H, D_out = 8, 5, 6, 2

x = np.random.randn(N, D_in)
y = np.random.randn(N, D_out)
params = {"w1": np.random.randn(D_in, H) * 0.4, "w2": np.random.randn(H, D_out) * 0.4}
data = (x, y)


def loss(params, x, y):
    h = x.dot(params["w1"])
    h_relu = np.maximum(h, 0)
    y_pred = h_relu.dot(params["w2"])
    return np.square(y_pred - y).sum()


def grads(params, x, y):
    # forward pass
    h = x.dot(params["w1"])
    h_relu = np.maximum(h, 0)
    y_pred = h_relu.dot(params["w2"])
    # backward pass
    grad_y_pred = 2.0 * (y_pred - y)
    grad_w2 = h_relu.T.dot(grad_y_pred)
    grad_h_relu = grad_y_pred.dot(params["w2"].T)
    grad_h = grad_h_relu.copy()
    grad_w1 = x.T.dot(grad_h)
    return {"w1": grad_w1, "w2": grad_w2}
