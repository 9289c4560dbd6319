import numpy as np

np.random.seed(31415)
H, I = 3, 2
params = {
  'Wxh': np.random.randn(H, I),
  'Whh': np.random.randn(H, H) * 0.5,
  'Why': np.random.randn(1, H),
}
seq = np.random.randn(4, I)
tgt = np.random.randn(4)
data = (seq, tgt)


def forward(params, seq):
  h = [np.zeros((H, 1))]
  y = []
  for x in seq:
    h.append(np.tanh(params['Wxh'] @ x[:, None] + params['Whh'] @ h[-1]))
    y.append((params['Why'] @ h[-1])[0, 0])
  return h, np.array(y)


def loss(params, seq, tgt):
  _, y = forward(params, seq)
  return 0.5 * ((y - tgt) ** 2).sum()


def grads(params, seq, tgt):
  h, y = forward(params, seq)
  dWxh, dWhh, dWhy = [np.zeros_like(params[k]) for k in ('Wxh', 'Whh', 'Why')]
  dh = np.zeros((H, 1))
  for t in reversed(range(len(seq))):
    e = y[t] - tgt[t]
    dWhy += e * h[t + 1].T
    dh = dh + params['Why'].T * e
    dz = dh * (1 - h[t + 1] ** 2)
    dWxh += dz @ seq[t][None, :]
    dWhh += dz @ h[t + 1].T
    dh = params['Whh'].T @ dz
  return {'Wxh': dWxh, 'Whh': dWhh, 'Why': dWhy}
