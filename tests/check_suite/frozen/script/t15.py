import numpy as np

rng = np.random.default_rng(5)


class Conv3x3:
    def __init__(self, num_filters):
        self.filters = rng.normal(size=(num_filters, 3, 3)) / 3

    def forward(self, image):
        self.image = image
        h, w = image.shape
        self.out = np.zeros((len(self.filters), h - 2, w - 2))
        for f, kernel in enumerate(self.filters):
            for i in range(h - 2):
                for j in range(w - 2):
                    self.out[f, i, j] = np.sum(image[i : i + 3, j : j + 3] * kernel)
        return np.maximum(self.out, 0)

    def backprop(self, d_out, lr):
        d_out = d_out * (self.out > 0)
        d_filters = np.zeros(self.filters.shape)
        padded = np.pad(self.out, ((0, 0), (1, 1), (1, 1)))
        for f in range(len(self.filters)):
            for i in range(d_out.shape[1]):
                for j in range(d_out.shape[2]):
                    patch = padded[f, i : i + 3, j : j + 3]
                    d_filters[f] += d_out[f, i, j] * patch
        self.filters -= lr * d_filters


class Dense:
    def __init__(self, n_in, n_out):
        self.W = rng.normal(size=(n_in, n_out)) / np.sqrt(n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.shape = x.shape
        self.x = x.ravel()
        z = self.x @ self.W + self.b
        e = np.exp(z - z.max())
        self.p = e / e.sum()
        return self.p

    def backprop(self, label, lr):
        dz = self.p.copy()
        dz[label] -= 1
        dx = self.W @ dz
        self.W -= lr * np.outer(self.x, dz)
        self.b -= lr * dz
        return dx.reshape(self.shape)


conv = Conv3x3(2)
dense = Dense(2 * 4 * 4, 3)


def train(image, label, lr):
    p = dense.forward(conv.forward(image))
    loss = -np.log(p[label])
    conv.backprop(dense.backprop(label, lr), lr)
    return loss


images = rng.normal(size=(12, 6, 6))
labels = rng.integers(0, 3, 12)
image, label = images[0], labels[0]

for epoch in range(3):
    total = 0.0
    for image, label in zip(images, labels):
        total += train(image, label, lr=0.05)
    print("epoch", epoch + 1, "average loss", total / len(images))
