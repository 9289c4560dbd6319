import numpy as np

sizes = np.array([2104, 1600, 2400, 1416, 3000, 1985, 1534, 1427], dtype=float)
rooms = np.array([3, 3, 3, 2, 4, 4, 3, 3], dtype=float)
prices = np.array([399.9, 329.9, 369.0, 232.0, 539.9, 299.9, 314.9, 198.9])


def normalise(v):
    return (v - v.mean()) / v.std()


def compute_cost(A, y, theta):
    m = y.size
    return np.sum((A.dot(theta) - y) ** 2) / m


def gradient_descent(A, y, theta, alpha, num_iters):
    m = y.size
    J_history = []
    for _ in range(num_iters):
        h = A.dot(theta)
        theta = theta + alpha * (2 / m) * A.T.dot(h - y)
        J_history.append(compute_cost(A, y, theta))
    return theta, J_history


A = np.column_stack([np.ones(8), normalise(sizes), normalise(rooms)])
theta = np.zeros(3)
theta, J_history = gradient_descent(A, prices, theta, 0.01, 40)
print("theta:", theta)
print("cost from", J_history[0], "to", J_history[-1])
