import numpy as np


class Net:
    def __init__(self, n_in, n_hidden, rng):
        self.p = {
            "W1": rng.normal(size=(n_in, n_hidden)),
            "b1": np.zeros(n_hidden),
            "W2": rng.normal(size=(n_hidden, 1)),
            "b2": np.zeros(1),
        }

    def forward(self, X):
        self.X = X
        self.h = np.tanh(X @ self.p["W1"] + self.p["b1"])
        return self.h @ self.p["W2"] + self.p["b2"]

    def backward(self, dout):
        dh = dout @ self.p["W2"].T * (1 - self.h**2)
        return {
            "W1": self.X.T @ dh,
            "b1": dh.sum(axis=0),
            "W2": self.h.T @ dout,
            "b2": dout.sum(axis=0),
        }


def mse(pred, y):
    return np.mean((pred - y) ** 2)


rng = np.random.default_rng(6)
X = rng.uniform(-1, 1, (40, 2))
y = np.sin(3 * X[:, :1]) + X[:, 1:] ** 2
X_train, y_train = X[:20], y[:20]
X_val, y_val = X[20:], y[20:]
net = Net(2, 6, rng)
lr = 0.1

for epoch in range(150):
    pred = net.forward(X_train)
    train_loss = mse(pred, y_train)
    val_loss = mse(net.forward(X_val), y_val)
    grads = net.backward(2 * (pred - y_train) / len(y_train))
    for key in net.p:
        net.p[key] -= lr * grads[key]
    if epoch % 50 == 0:
        print(f"{epoch}: train {train_loss:.4f} val {val_loss:.4f}")
