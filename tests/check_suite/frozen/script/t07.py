import numpy as np

np.random.seed(0)

# Activation function (sigmoid)
def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def sigmoid_derivative(x):
    return x * (1 - x)

input_layer_size = 2
hidden_layer_size = 4
output_layer_size = 1

w1 = np.random.uniform(size=(input_layer_size, hidden_layer_size))
w2 = np.random.uniform(size=(hidden_layer_size, output_layer_size))

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])

learning_rate = 0.1
epochs = 3000

for i in range(epochs):
    # Forward propagation
    layer1_output = sigmoid(np.dot(X, w1))
    output = sigmoid(np.dot(layer1_output, w2))

    # Backpropagation
    error = y - output
    output_delta = error * sigmoid_derivative(output)
    layer1_error = output_delta.dot(w2.T)
    layer1_delta = layer1_error * sigmoid_derivative(layer1_output)

    # Update weights
    w2 += layer1_output.T.dot(output_delta) * learning_rate
    w1 += X.T.dot(layer1_delta) * learning_rate

test_output = sigmoid(np.dot(sigmoid(np.dot(X, w1)), w2))
print(test_output)
