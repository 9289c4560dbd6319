import numpy as np

np.random.seed(55)
steps, batch, units = 4, 9, 3
series = np.random.randn(steps, 1, batch)
sums = np.tanh(series.sum(axis=0))

Wx, Wh = np.random.randn(units, 1) * 0.8, np.random.randn(units, units) * 0.5
wo, bias = np.random.randn(1, units) * 0.8, np.random.randn(units, 1) * 0.1
lr = 0.3


def forward(series):
    states = [np.zeros((units, batch))]
    for x in series:
        states.append(np.tanh(Wx @ x + Wh @ states[-1] + bias))
    return states, wo @ states[-1]


def cost(out):
    return 0.5 * np.sum((out - sums) ** 2) / batch


def backward(states, out):
    d_out = (out - sums) / batch
    dWx, dWh, dbias = 0, 0, 0
    d_state = wo.T @ d_out
    for t in range(steps, 0, -1):
        d_pre = d_state * (1 - states[t] ** 2)
        dWx = dWx + d_pre @ series[t - 1].T
        dWh = dWh + d_pre @ states[t].T
        dbias = dbias + d_pre.sum(axis=1, keepdims=True)
        d_state = Wh.T @ d_pre
    return dWx, dWh, d_out @ states[-1].T, dbias


for n in range(50):
    states, out = forward(series)
    if n % 10 == 0:
        print(n, cost(out))
    dWx, dWh, dwo, dbias = backward(states, out)
    Wx = Wx - lr * dWx
    Wh = Wh - lr * dWh
    wo = wo - lr * dwo
    bias = bias - lr * dbias
