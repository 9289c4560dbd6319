import math

import numpy as np


class Value:
    def __init__(self, data, children=()):
        self.data, self.grad, self.children, self._backward = data, 0.0, children, lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = Value(t, (self,))

        def _backward():
            self.grad += (1 - t * t) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            node._backward()


params = {'w': np.array([0.5, -0.8, 0.3]), 'b': np.array([0.1])}
data = (np.array([[1.0, 2.0, -1.0], [0.5, -1.5, 3.0]]), np.array([0.4, -0.2]))


def loss(params, X, y):
    return float(0.5 * np.sum((np.tanh(X @ params['w'] + params['b']) - y) ** 2))


def grads(params, X, y):
    w = [Value(float(v)) for v in params['w']]
    b = Value(float(params['b'][0]))
    total = Value(0.0)
    for row, target in zip(X, y):
        z = b
        for wi, xi in zip(w, row):
            z = z + wi * float(xi)
        diff = z.tanh() + (-float(target))
        total = total + diff * diff * 0.5
    total.backward()
    return {'w': np.array([v.grad for v in w]), 'b': np.array([b.grad])}
