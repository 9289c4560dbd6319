import random

random.seed(31)
points = [(x / 4, abs(x / 4)) for x in range(-6, 7)]
hidden = [{"w": random.gauss(0, 1), "b": random.gauss(0, 0.3)} for _ in range(3)]
top = [random.gauss(0, 0.7) for _ in hidden]


def forward(x):
    h = [max(0.0, unit["w"] * x + unit["b"]) for unit in hidden]
    return h, sum(t * v for t, v in zip(top, h))


for epoch in range(25):
    loss = 0.0
    slopes = [[0.0, 0.0, 0.0] for _ in hidden]
    for x, y in points:
        h, guess = forward(x)
        loss += (guess - y) ** 2 / len(points)
        d = 2 * (guess - y) / len(points)
        for slope, value, t in zip(slopes, h, top):
            slope[0] += d * value
            slope[1] += d * t * x
            slope[2] += d * t
    for k, (slope, unit) in enumerate(zip(slopes, hidden)):
        top[k] -= 0.05 * slope[0]
        unit["w"] -= 0.05 * slope[1]
        unit["b"] -= 0.05 * slope[2]
    if epoch % 5 == 0:
        print(epoch, loss)
