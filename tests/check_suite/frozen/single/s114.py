import numpy

numpy.random.seed(4)
lambda_ = 0.5
X = numpy.random.randn(6, 2)
Y = numpy.eye(3)[[0, 1, 2, 2, 1, 0]]
data = (X, Y)
params = {'Theta1': numpy.random.randn(4, 3) * 0.5, 'Theta2': numpy.random.randn(3, 5) * 0.5}


def sigmoid(z):
    return 1.0 / (1.0 + numpy.exp(-z))


def hypothesis(params, x):
    a1 = numpy.append(1, x)
    a2 = numpy.append(1, sigmoid(params['Theta1'].dot(a1)))
    return a1, a2, sigmoid(params['Theta2'].dot(a2))


def loss(params, X, Y):
    J = 0
    for x, y in zip(X, Y):
        h = hypothesis(params, x)[2]
        J -= y.dot(numpy.log(h)) + (1 - y).dot(numpy.log(1 - h))
    R = (params['Theta1'][:, 1:] ** 2).sum() + (params['Theta2'][:, 1:] ** 2).sum()
    return J / len(X) + lambda_ / (2 * len(X)) * R


def grads(params, X, Y):
    m = len(X)
    D1, D2 = numpy.zeros((4, 3)), numpy.zeros((3, 5))
    for i in range(m):
        a1, a2, a3 = hypothesis(params, X[i])
        d3 = a3 - Y[i]
        d2 = params['Theta2'].T.dot(d3)[1:] * a2[1:] * (1 - a2[1:])
        D2 += numpy.outer(d3, a2)
        D1 += numpy.outer(d2, numpy.append(1, X[i - 1]))
    D1[:, 1:] += lambda_ * params['Theta1'][:, 1:]
    D2[:, 1:] += lambda_ * params['Theta2'][:, 1:]
    return {'Theta1': D1 / m, 'Theta2': D2 / m}
