import numpy as np

rng = np.random.RandomState(9)
X = np.vstack([rng.randn(15, 2) + 1.5, rng.randn(15, 2) - 1.5])
y = np.array([1] * 15 + [-1] * 15)
w = np.array([0.1, -0.1])
b = 0.0
lam, eta = 0.01, 0.05


def objective(w, b):
    margins = np.maximum(0, 1 - y * (X @ w + b))
    return 0.5 * lam * w @ w + margins.mean()


for epoch in range(50):
    active = y * (X @ w + b) < 1
    dw = lam * w + (y[active][:, None] * X[active]).sum(axis=0) / len(y)
    db = -y[active].sum() / len(y)
    w = w - eta * dw
    b = b - eta * db
    if epoch % 10 == 0:
        print("epoch", epoch, "objective", objective(w, b))
