import numpy as np

rng = np.random.default_rng(88)
X = rng.uniform(-2, 2, (20, 1))
Y = np.sin(2 * X)
P = {"U": rng.normal(size=(1, 6)), "u": rng.normal(size=6), "V": rng.normal(size=(6, 1)) * 0.5}
S = {name: np.zeros_like(p) for name, p in P.items()}


def run(P, X):
    h = np.tanh(X @ P["U"] + P["u"])
    return h, h @ P["V"]


best, patience, rounds = np.inf, 5, 0
while patience and rounds < 150:
    h, out = run(P, X)
    loss = np.mean((out - Y) ** 2)
    patience = 5 if loss < best else patience - 1
    best = min(best, loss)

    d_out = 2 * (out - Y) / len(X)
    d_h = d_out @ P["V"].T * (1 - h * h)
    G = {"V": h.T @ d_out, "U": X.T @ d_h, "u": d_h.sum(axis=0)}
    for name in P:
        S[name] = 0.9 * S[name] + 0.1 * G[name] ** 2
        P[name] = P[name] - 0.01 * G[name] / (np.sqrt(S[name]) + 1e-8)
    rounds += 1

print("stopped in round", rounds, "at", best)
