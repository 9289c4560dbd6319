from math import exp


def logistic(net):
  return 1 / (1 + exp(-net))


i1, i2 = 0.05, 0.10
target1, target2 = 0.01, 0.99
w1, w2, w3, w4 = 0.15, 0.20, 0.25, 0.30
w5, w6, w7, w8 = 0.40, 0.45, 0.50, 0.55
bias1, bias2 = 0.35, 0.60
eta = 0.5

for round_number in range(100):
  out_h1 = logistic(w1 * i1 + w2 * i2 + bias1)
  out_h2 = logistic(w3 * i1 + w4 * i2 + bias1)
  out_o1 = logistic(w5 * out_h1 + w6 * out_h2 + bias2)
  out_o2 = logistic(w7 * out_h1 + w8 * out_h2 + bias2)
  E_total = 0.5 * (target1 - out_o1) ** 2 + 0.5 * (target2 - out_o2) ** 2
  if round_number % 20 == 0:
    print(f"E = {E_total:.9f}")

  delta_o1 = -(target1 - out_o1) * out_o1 * (1 - out_o1)
  delta_o2 = -(target2 - out_o2) * out_o2 * (1 - out_o2)
  delta_h1 = (delta_o1 * w5 + delta_o2 * w7) * out_h1 * (1 - out_h1)
  delta_h2 = (delta_o1 * w6 + delta_o2 * w8) * out_h2 * (1 - out_h2)

  w5, w6 = w5 - eta * delta_o1 * out_h1, w6 - eta * delta_o1 * out_h2
  w7, w8 = w7 - eta * delta_o2 * out_h1, w8 - eta * delta_o2 * out_h2
  w1, w2 = w1 - eta * delta_h1 * i1, w2 - eta * delta_h1 * i2
  w3, w4 = w3 - eta * delta_h2 * i1, w4 - eta * delta_h2 * i2

print("outputs", out_o1, out_o2)
