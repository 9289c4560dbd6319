"""The whole idea, built from nothing: run it with `python docs/tour.py`.

A value, a product, a chain rule, a network, XOR. The first half uses nothing but Python; the
second half does the same with chainrule and shows what it adds. Every claim is an assertion, so
this file is also a test.
"""

import math

# --- 1. A value --------------------------------------------------------------------------------
#
# Everything begins with numbers, and with remembering where a number came from. A `Value` is a
# number together with the values it was made of.


class Value:
    """A number that remembers its parents and how fast it changes with each of them."""

    def __init__(self, number, parents=(), slopes=()):
        self.number = number
        self.parents = parents  # the values it was made of
        self.slopes = slopes  # its derivative with respect to each of them
        self.gradient = 0.0  # how fast the final result changes with it: filled in later

    # --- 2. A product ---------------------------------------------------------------------------
    #
    # When p = a * b and b stands still, nudging a by a little e moves p by b * e. So the slope of
    # p along a is b, and along b it is a. For a sum both slopes are 1.

    def __mul__(self, other):
        other = as_value(other)
        return Value(self.number * other.number, (self, other), (other.number, self.number))

    def __add__(self, other):
        other = as_value(other)
        return Value(self.number + other.number, (self, other), (1.0, 1.0))

    def __sub__(self, other):
        return self + as_value(other) * -1.0


def as_value(number):
    return number if isinstance(number, Value) else Value(float(number))


a, b = Value(3.0), Value(4.0)
p = a * b
nudged = (3.0 + 1e-6) * 4.0
assert p.number == 12.0
assert math.isclose((nudged - p.number) / 1e-6, p.slopes[0], rel_tol=1e-6)  # the slope is b

# A neuron needs one more thing: a squashing function. sigmoid(x) = 1 / (1 + exp(-x)), and its
# slope turns out to be y * (1 - y), where y is its own result.


def sigmoid(x):
    y = 1.0 / (1.0 + math.exp(-x.number))
    return Value(y, (x,), (y * (1.0 - y),))


# --- 3. The chain rule -------------------------------------------------------------------------
#
# Values make a graph: each points to its parents. If the result r depends on y, and y on x, then
#
#     dr/dx = dr/dy * dy/dx            (one path: slopes multiply)
#
# and when x reaches r along several paths, their products are added. Backpropagation is this rule
# applied from the result backwards, each value once, after everyone who used it.


def backward(result):
    order, seen = [], set()

    def visit(value):
        if id(value) not in seen:
            seen.add(id(value))
            for parent in value.parents:
                visit(parent)
            order.append(value)

    visit(result)
    result.gradient = 1.0  # the result changes with itself one to one
    for value in reversed(order):
        for parent, slope in zip(value.parents, value.slopes, strict=True):
            parent.gradient += value.gradient * slope


x = Value(2.0)
r = x * x + x * 3.0  # x is used three times: r = x² + 3x, whose slope at 2 is 2·2 + 3
backward(r)
assert r.number == 10.0
assert x.gradient == 7.0

# --- 4. A network ------------------------------------------------------------------------------
#
# One hidden neuron, one output (the worked example of many a tutorial): h = sigmoid(w1 x + b1),
# y = w2 h + b2, and a loss that is 0 when y hits the target, L = ½ (y - t)².


def tiny_network(w1, b1, w2, b2, x, t):
    h = sigmoid(w1 * x + b1)
    y = w2 * h + b2
    error = y - t
    return error * error * 0.5


weights = [Value(number) for number in (0.4, 0.1, 0.3, 0.2)]
loss = tiny_network(*weights, x=0.5, t=0.6)
backward(loss)
by_hand = [value.gradient for value in weights]
assert math.isclose(loss.number, 0.02591619, rel_tol=1e-6)
for slope, expected in zip(
    by_hand, (-0.00834827, -0.01669655, -0.13078175, -0.22766725), strict=True
):
    assert math.isclose(slope, expected, abs_tol=1e-8)

# Learning is walking downhill: each weight moves against its gradient, and the loss falls.

weights = [Value(value.number - 0.1 * value.gradient) for value in weights]
assert tiny_network(*weights, x=0.5, t=0.6).number < loss.number

# That was the whole idea. What follows is the same, at speed and with everything visible.

# --- 5. The same with chainrule ----------------------------------------------------------------
#
# chainrule records NumPy code as a graph of *arrays*. The code stays what it is: functions of
# NumPy, operators, indexing. `cr.grad` gives the function that computes the gradient.

import numpy as np  # noqa: E402 - the tour reaches NumPy only here

import chainrule as cr  # noqa: E402


def network_loss(params, x, t):
    h = 1 / (1 + np.exp(-(params["w1"] * x + params["b1"])))
    y = params["w2"] * h + params["b2"]
    return 0.5 * (y - t) ** 2


params = {"w1": 0.4, "b1": 0.1, "w2": 0.3, "b2": 0.2}
gradient = cr.grad(network_loss)(params, 0.5, 0.6)
assert np.allclose(list(gradient.values()), by_hand, atol=1e-15)

# The graph is there to be read. Each line is one operation with the line of code it came from;
# 1/(1+exp(-z)) has been recognised as a sigmoid, which cannot overflow.

graph = cr.trace(network_loss, params, 0.5, 0.6)
assert "exp" in str(graph)
assert "tour.py" in str(graph)

# A gradient is a function like any other: it can be differentiated again, run over a batch, or
# compiled. The second derivative of sin is minus sin:

second = cr.grad(cr.grad(np.sin))
assert np.isclose(second(1.0), -np.sin(1.0))

slopes = cr.vmap(cr.grad(np.tanh))(np.linspace(-2, 2, 5))
assert np.allclose(slopes, 1 - np.tanh(np.linspace(-2, 2, 5)) ** 2)

# Loops over time are one node of the graph, whatever their length:


def decayed_sum(rate, xs):
    total, _ = cr.scan(lambda carry, x: (rate * carry + x, None), 0.0, xs)
    return total


xs = np.array([1.0, 2.0, 3.0])
assert np.isclose(cr.grad(decayed_sum)(0.5, xs), 2 * 0.5 * 1.0 + 2.0)  # r² + 2r + 3, at r = ½

# What cannot be recorded is refused with the line, the reason and the way out; nothing is
# silently frozen into a constant.

try:
    cr.grad(lambda x: x if x > 0 else 0 * x)(1.0)
except cr.TraceError as refusal:
    assert "tour.py" in str(refusal)
    assert "np.where" in str(refusal)
else:
    raise AssertionError("a branch on a traced value must be refused")

# --- 6. XOR ------------------------------------------------------------------------------------
#
# The smallest problem that one neuron cannot solve: 1 where exactly one input is 1. Four hidden
# neurons can. Samples are rows; a layer is a formula; a model is a network, a loss and an
# optimizer.

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
t = np.array([0, 1, 1, 0])

net = cr.Sequential(cr.Dense(4), cr.Sigmoid(), cr.Dense(1), cr.Sigmoid())
model = cr.Model(net, loss="half_squared_error", optimizer=cr.SGD(2.0), seed=1)
history = model.fit(X, t, epochs=3000, batch_size=4, progress=False)

assert history.loss[-1] < 0.01 < history.loss[0]
assert np.array_equal(model.predict(X).round().ravel(), t)

# Underneath, a training step is a function of NumPy code too. Here it is by hand, with the very
# gradients that the model used, and with plain gradient descent:

start = cr.Model(net, loss="half_squared_error", optimizer=cr.SGD(2.0), seed=1).build((2,))
params = start.params


def xor_loss(params):
    y, _ = net(params, {}, X.astype("float32"))
    return np.mean(0.5 * np.sum((y - t[:, None]) ** 2, axis=1))


assert np.isclose(cr.value_and_grad(xor_loss)(params)[0], history.loss[0], rtol=1e-5)
for _ in range(3):
    slopes = cr.grad(xor_loss)(params)
    params = {name: params[name] - np.float32(2.0) * slopes[name] for name in params}
assert np.isclose(xor_loss(params), history.loss[3], rtol=1e-4)

# --- 7. Where to go ----------------------------------------------------------------------------
#
# src/chainrule/graph.py               a node and a graph: the one data structure
# src/chainrule/ops/elementwise.py     operations, one row each
# src/chainrule/differentiate.py       section 3 of this tour, for graphs of arrays
# src/chainrule/layers/dense.py        a layer is a formula

print("The tour holds: every claim was checked.")
