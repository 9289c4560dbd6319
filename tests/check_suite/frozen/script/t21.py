import numpy as np

np.random.seed(7)
wave = np.sin(np.linspace(0, 12, 60))
T, H = 5, 3
X = np.array([wave[i : i + T] for i in range(20)])[:, :, None]
Y = np.array([wave[i + T] for i in range(20)])[:, None]

Wf, Wi, Wc, Wo = (np.random.randn(H + 1, H) * 0.4 for _ in range(4))
Wy = np.random.randn(H, 1) * 0.4
lr = 0.1


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


for epoch in range(40):
  # ---- forward ----
  h = np.zeros((len(X), H))
  c = np.zeros((len(X), H))
  cache = []
  for t in range(T):
    z = np.hstack((h, X[:, t]))
    f, i, o = sigmoid(z @ Wf), sigmoid(z @ Wi), sigmoid(z @ Wo)
    g = np.tanh(z @ Wc)
    c_prev = c
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    cache.append((z, f, i, o, g, c_prev, c))
  pred = h @ Wy
  loss = np.mean((pred - Y) ** 2)

  # ---- backward ----
  dpred = 2 * (pred - Y) / len(Y)
  dWy = h.T @ dpred
  dh = dpred @ Wy.T
  dc = np.zeros_like(c)
  dWf, dWi, dWc, dWo = (np.zeros_like(W) for W in (Wf, Wi, Wc, Wo))
  for z, f, i, o, g, c_prev, c_t in reversed(cache):
    tc = np.tanh(c_t)
    do = dh * tc
    dc = dc + dh * o * (1 - tc**2)
    df = dc * c_prev * f * (1 - f)
    di = dc * g * i * (1 - i)
    dg = dc * i * (1 - g**2)
    dWf += z.T @ df
    dWi += z.T @ di
    dWc += z.T @ dg
    dWo += z.T @ do
    dz = df @ Wf.T + di @ Wi.T + dg @ Wc.T + do @ Wo.T
    dh = dz[:, :H]
    dc = dc * f

  for W, dW in ((Wf, dWf), (Wi, dWi), (Wc, dWc), (Wo, dWo), (Wy, dWy)):
    W -= lr * dW
  if epoch % 10 == 0:
    print("epoch", epoch, "loss", loss)
