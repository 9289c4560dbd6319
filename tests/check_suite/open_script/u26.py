import numpy as np

np.random.seed(19680801)
n = 40
angle = np.random.rand(n) * 2 * np.pi
radius = np.r_[np.full(n // 2, 1.0), np.full(n // 2, 2.5)]
pts = np.vstack((radius * np.cos(angle), radius * np.sin(angle))) + 0.1 * np.random.randn(2, n)
lab = (radius < 2).astype(int)[None]

w1 = np.random.randn(4, 2); b1 = np.random.randn(4, 1)
w2 = np.random.randn(1, 4); b2 = np.random.randn(1, 1)
eps = 0.3

for k in range(150):
    h = np.tanh(w1 @ pts + b1)
    p = 1 / (1 + np.exp(-(w2 @ h + b2)))
    q = np.clip(p, 1e-9, 1 - 1e-9)
    if k % 50 == 0:
        print(k, -np.average(lab * np.log(q) + (1 - lab) * np.log(1 - q)))

    delta2 = p - lab
    delta1 = w2.T * delta2 * (1 - h) * (1 + h)
    w2 = w2 - eps * (delta2 * h).mean(axis=1)[None]
    b2 = b2 - eps * delta2.mean()
    w1 = w1 - eps * np.einsum('hn,dn->hd', delta1, pts) / n
    b1 = b1 - eps * delta1.mean(axis=1, keepdims=True)
