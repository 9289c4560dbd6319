import math
import random

random.seed(0)


def sigmoid(t):
    return 1 / (1 + math.exp(-t))


def neuron_output(weights, inputs):
    return sigmoid(sum(w * i for w, i in zip(weights, inputs)))


hidden_layer = [[random.uniform(-1, 1) for _ in range(3)] for _ in range(2)]
output_neuron = [random.uniform(-1, 1) for _ in range(3)]
rate = 0.7


def half_squared_error(output, target):
    return 0.5 * (output - target) ** 2


def backpropagate(x, target):
    inputs = x + [1]
    hidden_outputs = [neuron_output(n, inputs) for n in hidden_layer] + [1]
    output = neuron_output(output_neuron, hidden_outputs)

    output_delta = output * (1 - output) * (output - target)
    seen = output_neuron
    for i, hidden_output in enumerate(hidden_outputs):
        output_neuron[i] -= rate * output_delta * hidden_output

    for i, neuron in enumerate(hidden_layer):
        h = hidden_outputs[i]
        hidden_delta = h * (1 - h) * output_delta * seen[i]
        for j, value in enumerate(inputs):
            neuron[j] -= rate * hidden_delta * value
    return half_squared_error(output, target)


xs = [[0, 0], [0, 1], [1, 0], [1, 1]]
ys = [0, 1, 1, 0]

def main():
    for epoch in range(500):
        error = sum(backpropagate(x, y) for x, y in zip(xs, ys))
        if epoch % 100 == 0:
            print(epoch, error)


if __name__ == "__main__":
    main()
