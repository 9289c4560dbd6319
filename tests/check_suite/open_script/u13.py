import numpy as np

# displacement of a damped spring, x(t) = A exp(-gamma t) cos(omega t)
rng = np.random.RandomState(23)
t = np.linspace(0, 4, 41)
x_measured = 1.5 * np.exp(-0.4 * t) * np.cos(3.1 * t) + 0.02 * rng.randn(t.size)

A, gamma, omega = 1.0, 0.2, 2.8
lr = 0.05

for i in range(300):
    envelope = np.exp(-gamma * t)
    model = A * envelope * np.cos(omega * t)
    residual = model - x_measured
    mse = np.mean(residual**2)

    dA = np.mean(2 * residual * envelope * np.cos(omega * t))
    dgamma = np.mean(2 * residual * -t * model)
    domega = np.mean(2 * residual * A * envelope * np.sin(omega * t) * t)

    A -= lr * dA
    gamma -= lr * dgamma
    omega -= lr * domega
    if i % 100 == 0:
        print(f'{i:4d} mse={mse:.5f} A={A:.3f} gamma={gamma:.3f} omega={omega:.3f}')
