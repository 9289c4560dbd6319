import numpy as np


def sigmoid(x):
    return 1.0 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return x * (1.0 - x)


class NeuralNetwork:
    def __init__(self, x, y):
        rng = np.random.RandomState(3)
        self.input = x
        self.weights1 = rng.rand(self.input.shape[1], 4)
        self.weights2 = rng.rand(4, 1)
        self.y = y
        self.output = np.zeros(self.y.shape)

    def feedforward(self):
        self.layer1 = sigmoid(np.dot(self.input, self.weights1))
        self.output = sigmoid(np.dot(self.layer1, self.weights2))
        return self.output

    def loss(self):
        return np.mean(np.square(self.y - self.output))

    def backprop(self):
        err = self.y - self.output
        d_out = err * sigmoid_derivative(self.output)
        d_weights2 = np.dot(self.layer1.T, d_out)
        d_weights1 = np.dot(self.input.T, np.dot(d_out, self.weights2.T) * sigmoid_derivative(self.layer1))
        self.weights1 += d_weights1
        self.weights2 += d_weights2


X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
y = np.array([[0], [1], [1], [0]])
nn = NeuralNetwork(X, y)

if __name__ == "__main__":
    for i in range(1000):
        nn.feedforward()
        nn.backprop()
        if i % 250 == 0:
            print("Loss:", nn.loss())

    print(nn.output)
