import math
import random

random.seed(4)


def rand(a, b):
    return (b - a) * random.random() + a


class NN:
    def __init__(self, ni, nh, no):
        self.ni = ni + 1  # one more for the bias
        self.nh = nh
        self.no = no
        self.ai = [1.0] * self.ni
        self.ah = [1.0] * self.nh
        self.ao = [1.0] * self.no
        self.wi = [[rand(-0.9, 0.9) for _ in range(nh)] for _ in range(self.ni)]
        self.wo = [[rand(-2.0, 2.0) for _ in range(no)] for _ in range(nh)]
        self.ci = [[0.0] * nh for _ in range(self.ni)]
        self.co = [[0.0] * no for _ in range(nh)]

    def activate(self, inputs):
        for i in range(self.ni - 1):
            self.ai[i] = inputs[i]
        for j in range(self.nh):
            total = 0.0
            for i in range(self.ni):
                total = total + self.ai[i] * self.wi[i][j]
            self.ah[j] = 1.0 / (1.0 + math.exp(-total))
        for k in range(self.no):
            total = 0.0
            for j in range(self.nh):
                total = total + self.ah[j] * self.wo[j][k]
            self.ao[k] = 1.0 / (1.0 + math.exp(-total))
        return self.ao[:]

    def back_propagate(self, targets, N, M):
        output_deltas = [0.0] * self.no
        for k in range(self.no):
            error = targets[k] - self.ao[k]
            output_deltas[k] = self.ao[k] * (1 - self.ao[k]) * error

        hidden_deltas = [0.0] * self.nh
        for j in range(self.nh):
            error = 0.0
            for k in range(self.no):
                error = error + output_deltas[k] * self.wo[j][k]
            hidden_deltas[j] = self.ah[j] * (1 - self.ah[j]) * error

        for j in range(self.nh):
            for k in range(self.no):
                change = output_deltas[k] * self.ah[j]
                self.wo[j][k] = self.wo[j][k] + N * change + M * self.co[j][k]
                self.co[j][k] = N * change + M * self.co[j][k]
        for i in range(self.ni):
            for j in range(self.nh):
                change = hidden_deltas[j] * self.ai[i]
                self.wi[i][j] = self.wi[i][j] + N * change + M * self.ci[i][j]
                self.ci[i][j] = N * change + M * self.ci[i][j]

        error = 0.0
        for k in range(len(targets)):
            error = error + 0.5 * (targets[k] - self.ao[k]) ** 2
        return error


patterns = [[[0, 0], [0]], [[0, 1], [1]], [[1, 0], [1]], [[1, 1], [0]]]
nn = NN(2, 3, 1)
for i in range(100):
    error = 0.0
    for inputs, targets in patterns:
        nn.activate(inputs)
        error = error + nn.back_propagate(targets, 0.5, 0.1)
    if i % 25 == 0:
        print('error %-.5f' % error)
