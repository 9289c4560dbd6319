import numpy as np

rng = np.random.default_rng(12)
left, right = rng.normal(size=(14, 3)), rng.normal(size=(14, 3))
far = (np.abs(left[:, 0] - right[:, 0]) > 1).astype(float)


class Encoder:
    def __init__(self):
        self.W = rng.normal(size=(3, 2)) * 0.7

    def __call__(self, x):
        return np.tanh(x @ self.W)

    def collect(self, x, code, d_code):
        self.dW = x.T @ (d_code * (1 - code**2))


encoder = Encoder()
for epoch in range(60):
    a, b = encoder(left), encoder(right)
    gap = a - b
    distance = (gap**2).sum(axis=1)
    loss = 0.5 * np.mean((distance - far) ** 2)

    encoder.dW = np.zeros_like(encoder.W)
    d_gap = ((distance - far) / len(far))[:, None] * 2 * gap
    encoder.collect(left, a, d_gap)
    encoder.collect(right, b, -d_gap)
    encoder.W -= 0.1 * encoder.dW
    if epoch % 20 == 0:
        print("epoch", epoch, "loss", loss)
