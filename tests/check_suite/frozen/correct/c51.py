import numpy as np

rng = np.random.default_rng(1312)
X = rng.normal(size=(5, 4))
noise = rng.normal(size=(5, 2))
data = (X, X)
params = {"Wm": rng.normal(size=(4, 2)), "Ws": rng.normal(size=(4, 2)) * 0.3, "D": rng.normal(size=(2, 4))}


def loss(params, X, target):
    mu, logvar = X @ params["Wm"], X @ params["Ws"]
    z = mu + np.exp(0.5 * logvar) * noise
    recon = 0.5 * np.sum((z @ params["D"] - target) ** 2)
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    return (recon + kl) / len(X)


def grads(params, X, target):
    n = len(X)
    mu, logvar = X @ params["Wm"], X @ params["Ws"]
    std = np.exp(0.5 * logvar)
    z = mu + std * noise
    dr = (z @ params["D"] - target) / n
    dz = dr @ params["D"].T
    dmu = dz + mu / n
    dlogvar = dz * noise * std * 0.5 + 0.5 * (np.exp(logvar) - 1) / n
    return {"Wm": X.T @ dmu, "Ws": X.T @ dlogvar, "D": z.T @ dr}
