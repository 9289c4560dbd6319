import numpy as np

rs = np.random.RandomState(0)
BITS, alpha = 5, 0.2


def logistic(x):
    return 1 / (1 + np.exp(-x))


def bits(number):
    return [number >> k & 1 for k in range(BITS)]  # the lowest one first


syn_in = 2 * rs.random_sample((2, 4)) - 1
syn_rec = 2 * rs.random_sample((4, 4)) - 1
syn_out = 2 * rs.random_sample((4, 1)) - 1

for j in range(120):
    a_int, b_int = rs.randint(2 ** (BITS - 1)), rs.randint(2 ** (BITS - 1))
    a, b, c = bits(a_int), bits(b_int), bits(a_int + b_int)

    overall_error = 0
    layer_2_deltas = []
    layer_1_values = [np.zeros((1, 4))]
    for position in range(BITS):
        x = np.array([[a[position], b[position]]])
        layer_1 = logistic(x @ syn_in + layer_1_values[-1] @ syn_rec)
        layer_2 = logistic(layer_1 @ syn_out)
        layer_2_error = c[position] - layer_2
        layer_2_deltas.append(layer_2_error * layer_2 * (1 - layer_2))
        overall_error += 0.5 * (layer_2_error**2).item()
        layer_1_values.append(layer_1)

    up_in, up_rec, up_out = 0 * syn_in, 0 * syn_rec, 0 * syn_out
    future = np.zeros((1, 4))
    for position in reversed(range(BITS)):
        x = np.array([[a[position], b[position]]])
        layer_1, before = layer_1_values[position + 1], layer_1_values[position]
        d2 = layer_2_deltas[position]
        d1 = (future @ syn_rec.T + d2 @ syn_out.T) * layer_1 * (1 - layer_1)
        up_out += layer_1.T @ d2
        up_rec += before.T @ d1
        up_in += x.T @ d1
        future = d1

    syn_in += alpha * up_in
    syn_rec += alpha * up_rec
    syn_out += alpha * up_out
    if j % 40 == 0:
        print("round", j, "error", overall_error)
