import numpy as np

rng = np.random.RandomState(404)
u = rng.uniform(-1, 1, 50)
y = 0.5 - u + 2 * u**2 + 0.05 * rng.randn(50)
y[::10] += 6  # outliers

F = np.stack([np.ones_like(u), u, u**2], axis=1)
coef = np.zeros(3)
delta = 1.0
gamma = 0.1

step = 0
previous = np.inf
while step < 400:
    err = F @ coef - y
    small = np.abs(err) <= delta
    loss = np.where(small, 0.5 * err**2, delta * (np.abs(err) - 0.5 * delta)).mean()
    if abs(previous - loss) < 1e-9:
        break
    previous = loss
    slope = F.T @ err / len(y)
    coef = coef - gamma * slope
    step += 1

print("stopped after", step, "steps:", coef, "loss", loss)
