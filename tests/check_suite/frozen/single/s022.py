import numpy as np

np.random.seed(14)
keep = 0.6
X = np.random.randn(4, 5)
y = np.array([1, 0, 1, 2])
mask = (np.random.rand(4, 8) < keep) / keep
data = (X, y)
params = {
    'W1': np.random.randn(5, 8) * 0.6,
    'b1': np.full(8, 0.1),
    'W2': np.random.randn(8, 3) * 0.6,
    'b2': np.zeros(3),
}

def forward(params, X):
    z = X @ params['W1'] + params['b1']
    h = np.maximum(0, z)
    hd = h * mask
    s = hd @ params['W2'] + params['b2']
    e = np.exp(s - s.max(1, keepdims=True))
    return z, hd, e / e.sum(1, keepdims=True)

def loss(params, X, y):
    p = forward(params, X)[2]
    return -np.mean(np.log(p[range(len(y)), y]))

def grads(params, X, y):
    z, hd, p = forward(params, X)
    ds = p.copy()
    ds[range(len(y)), y] -= 1
    ds /= len(y)
    dhd = ds @ params['W2'].T
    dh = dhd
    dz = dh * (z > 0)
    return {
        'W1': X.T @ dz,
        'b1': dz.sum(0),
        'W2': hd.T @ ds,
        'b2': ds.sum(0),
    }
