from numpy import array, dot, exp, random

random.seed(1)
training_set_inputs = array([[0.0, 0, 1], [1, 1, 1], [1, 0, 1], [0, 1, 1]])
training_set_outputs = array([[0.0, 1, 1, 0]]).T
params = {'w1': 2 * random.random((3, 4)) - 1, 'w2': 2 * random.random((4, 1)) - 1}
data = training_set_inputs, training_set_outputs

sigmoid = lambda x: 1 / (1 + exp(-x))


def think(w, inputs):
    layer1 = sigmoid(dot(inputs, w['w1']))
    return layer1, sigmoid(dot(layer1, w['w2']))


def loss(w, inputs, outputs):
    return 0.5 * ((outputs - think(w, inputs)[1]) ** 2).sum()


def grads(w, inputs, outputs):
    layer1, layer2 = think(w, inputs)
    layer2_delta = (layer2 - outputs) * layer2 * (1 - layer2)
    layer1_delta = layer2_delta.dot(w['w2'].T)
    return {'w1': inputs.T.dot(layer1_delta), 'w2': layer1.T.dot(layer2_delta)}
