import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


data = (0.5, 0.6)
params = {'w1': 0.4, 'b1': 0.1, 'w2': 0.3, 'b2': 0.2}


def loss(params, x, t):
    h = sigmoid(params['w1'] * x + params['b1'])
    y = params['w2'] * h + params['b2']
    return 0.5 * (y - t) ** 2


def grads(params, x, t):
    h = sigmoid(params['w1'] * x + params['b1'])
    y = params['w2'] * h + params['b2']
    dL_dy = y - t
    dL_dw2 = dL_dy * h
    dL_db2 = dL_dy
    dL_dh = dL_dy * params['w2']
    dL_dz = dL_dh
    dL_dw1 = dL_dz * x
    dL_db1 = dL_dz
    return {'w1': dL_dw1, 'b1': dL_db1, 'w2': dL_dw2, 'b2': dL_db2}
