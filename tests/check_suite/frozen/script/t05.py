import math

# inputs, target and starting values
x1, x2 = 0.8, -0.4
t = 1.0
w1, w2, b = 0.3, 0.6, 0.1
eta = 0.01

for i in range(5):
  # forward propagation
  total = w1 * x1 + w2 * x2 + b
  y = 1 / (1 + math.exp(-total))
  E = 0.5 * (y - t) ** 2
  print("step", i, "y =", round(y, 4), "E =", round(E, 6))

  # backward propagation
  dE_dy = 1 / (y - t)
  dy_dtotal = y * (1 - y)
  delta = dE_dy * dy_dtotal

  w1 = w1 - eta * delta * x1
  w2 = w2 - eta * delta * x2
  b = b - eta * delta * 1
