import numpy as np

np.random.seed(8)
LR = 0.1

# vertical stripes (1) or horizontal stripes (0)
pictures, truth = [], []
for n in range(6):
  stripes = np.tile([1.0, 0.0, 1.0, 0.0, 1.0], (5, 1))
  pictures.append((stripes if n % 2 else stripes.T) + 0.1 * np.random.randn(5, 5))
  truth.append(n % 2)


def relu(v):
  return np.where(v > 0, v, 0.0)


class Conv:
  def __init__(self, size):
    self.kernel = np.random.randn(size, size) * 0.5
    self.bias = 0.1

  def forward(self, image):
    self.image = image
    k = self.kernel.shape[0]
    n = image.shape[0] - k + 1
    out = np.zeros((n, n))
    for r in range(n):
      for c in range(n):
        out[r, c] = (image[r:r + k, c:c + k] * self.kernel).sum() + self.bias
    return out

  def backward(self, grad):
    k = self.kernel.shape[0]
    grad_kernel = np.zeros_like(self.kernel)
    for r in range(grad.shape[0]):
      for c in range(grad.shape[1]):
        grad_kernel += grad[r, c] * self.image[r:r + k, c:c + k]
    self.kernel -= LR * grad_kernel
    self.bias -= LR * grad.sum()


class Head:
  def __init__(self, n):
    self.w = np.random.randn(n) * 0.3
    self.bias = 0.0

  def forward(self, features):
    self.features = features.flatten()
    self.shape = features.shape
    return 1 / (1 + np.exp(-(self.features @ self.w + self.bias)))

  def backward(self, error):
    grad = (error * self.w).reshape(self.shape)
    self.w -= LR * error * self.features
    self.bias -= LR * error
    return grad


conv = Conv(2)
head = Head(16)


def fit_one(picture, t):
  feature_map = conv.forward(picture)
  p = head.forward(relu(feature_map))
  loss = -(t * np.log(p) + (1 - t) * np.log(1 - p))
  d_map = head.backward(p - t)
  conv.backward(d_map)
  return loss


for epoch in range(5):
  print('epoch', epoch, 'loss', sum(fit_one(p, t) for p, t in zip(pictures, truth)))
