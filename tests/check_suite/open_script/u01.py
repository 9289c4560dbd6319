# A neural network without any library
import math
import random

random.seed(2020)
RATE = 0.2
HIDDEN = 2


def random_matrix(rows, cols):
    return [[random.uniform(-1, 1) for _ in range(cols)] for _ in range(rows)]


def times(matrix, vector):
    return [sum(m * v for m, v in zip(row, vector)) for row in matrix]


def plus(u, v):
    return [p + q for p, q in zip(u, v)]


# cos and sin of an angle, from the angle and its half
samples = [([a, a / 2], [math.cos(a), math.sin(a)]) for a in (0.1, 0.5, 0.9, 1.3, 1.7, 2.1)]

hidden_weights = random_matrix(HIDDEN, 2)
hidden_bias = [0.0] * HIDDEN
output_weights = random_matrix(2, HIDDEN)
output_bias = [0.0, 0.0]


def predict(x):
    hidden = [math.tanh(v) for v in plus(times(hidden_weights, x), hidden_bias)]
    return hidden, plus(times(output_weights, hidden), output_bias)


def learn(x, wanted):
    hidden, out = predict(x)
    cost = sum(0.5 * (o - w) ** 2 for o, w in zip(out, wanted))
    out_error = [o - w for o, w in zip(out, wanted)]

    hidden_error = []
    for j in range(HIDDEN):
        back = sum(output_weights[j][k] * out_error[k] for k in range(2))
        hidden_error.append(back * (1 - hidden[j] ** 2))

    for k in range(2):
        for j in range(HIDDEN):
            output_weights[k][j] -= RATE * out_error[k] * hidden[j]
        output_bias[k] -= RATE * out_error[k]
    for j in range(HIDDEN):
        for i in range(2):
            hidden_weights[j][i] -= RATE * hidden_error[j] * x[i]
        hidden_bias[j] -= RATE * hidden_error[j]
    return cost


for epoch in range(40):
    total = 0
    for x, wanted in samples:
        total += learn(x, wanted)
    if epoch % 10 == 0:
        print("epoch", epoch, "cost", total)
