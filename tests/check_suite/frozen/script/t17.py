import numpy as np

np.random.seed(100)
X = np.random.rand(50, 2)
y = X @ np.array([3.0, -1.5]) + 0.7 + 0.01 * np.random.randn(50)

w = np.zeros(2)
b = 0.0
vw, vb = np.zeros(2), 0.0
lr, beta = 0.05, 0.9

for it in range(200):
    y_hat = X @ w + b
    r = y_hat - y
    gw = 2 * X.T @ r / len(y)
    gb = 2 * r.mean()
    vw = beta * vw + gw
    vb = beta * vb + gb
    w = w - lr * vw
    b = b - lr * vb
    if it % 50 == 0:
        print(it, (r**2).mean())

print("w =", w, "b =", b)
