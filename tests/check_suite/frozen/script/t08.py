import numpy as np

inputs = np.array([0.5, 2.0])
weights = np.array([0.3, -0.4])
actual = 1.0
learning_rate = 0.01

for epoch in range(10):
	predicted = (inputs * weights).sum()
	loss = (actual - predicted) ** 2
	print("epoch", epoch, "loss", loss)

	# slope = 2 * error * input value * slope of the activation (identity)
	slope = 2 * (actual - predicted) * inputs * 1
	weights = weights - learning_rate * slope
