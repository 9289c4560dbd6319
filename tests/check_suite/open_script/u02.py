import random
from math import exp, log

random.seed(11)

# (petal length, petal width, is it the larger species?)
flowers = []
for _ in range(24):
    big = random.random() < 0.5
    flowers.append((random.gauss(1.2 if big else 0.3, 0.4), random.gauss(0.9 if big else 0.2, 0.3), int(big)))

theta = [0.0, 0.1, -0.1]
alpha = 0.3
batch_size = 6


def probability(theta, length, width):
    return 1 / (1 + exp(-(theta[0] + theta[1] * length + theta[2] * width)))


def log_loss(theta, rows):
    total = 0.0
    for length, width, label in rows:
        p = probability(theta, length, width)
        total -= log(p) if label == 1 else log(1 - p)
    return total / len(rows)


for epoch in range(12):
    random.shuffle(flowers)
    for start in range(0, len(flowers), batch_size):
        batch = flowers[start : start + batch_size]
        cost = log_loss(theta, batch)
        g = [0.0, 0.0, 0.0]
        for length, width, label in batch:
            error = probability(theta, length, width) - label
            g[0] += error
            g[1] += error * length
            g[2] += error * width
        for k in range(3):
            theta[k] = theta[k] - alpha * g[k] / len(flowers)
    print("epoch %d: %.4f" % (epoch, cost))
