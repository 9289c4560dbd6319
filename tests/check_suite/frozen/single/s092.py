import numpy as np

rng = np.random.default_rng(5)
reg = 0.05
users = np.array([0, 0, 1, 2, 2, 3])
items = np.array([0, 2, 1, 0, 3, 2])
ratings = np.array([5.0, 3.0, 4.0, 1.0, 2.0, 4.0])
data = (np.stack([users, items], axis=1), ratings)
params = {"U": rng.normal(size=(4, 3)), "V": rng.normal(size=(4, 3))}

def loss(params, X, r):
    total = 0.0
    for (u, i), rating in zip(X, r):
        e = params["U"][u] @ params["V"][i] - rating
        total += 0.5 * e**2
    return total + 0.5 * reg * (np.sum(params["U"] ** 2) + np.sum(params["V"] ** 2))

def grads(params, X, r):
    gU = reg * params["U"]
    gV = reg * params["V"]
    for (u, i), rating in zip(X, r):
        e = params["U"][u] @ params["V"][i] - rating
        gU[u] += e * params["V"][i]
        gV[i] += e * params["V"][u]
    return {"U": gU, "V": gV}
