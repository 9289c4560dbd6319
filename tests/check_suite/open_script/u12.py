import random

random.seed(7)

# ratings of four people for five films, 0 where there is none
R = [
    [5, 3, 0, 1, 4],
    [4, 0, 0, 1, 3],
    [1, 1, 0, 5, 0],
    [0, 1, 5, 4, 2],
]
K = 2
alpha = 0.02
beta = 0.01
P = [[random.uniform(0.2, 1.2) for _ in range(K)] for _ in R]
Q = [[random.uniform(0.2, 1.2) for _ in range(K)] for _ in R[0]]


def train_rating(i, j):
	predicted = sum(P[i][k] * Q[j][k] for k in range(K))
	e = R[i][j] - predicted
	cost = e ** 2 + beta * sum(P[i][k] ** 2 + Q[j][k] ** 2 for k in range(K))
	for k in range(K):
		P[i][k] = P[i][k] - alpha * (-2 * e * Q[j][k] + 2 * beta * P[i][k])
		Q[j][k] = Q[j][k] - alpha * (-2 * e * P[i][k] + 2 * beta * Q[j][k])
	return cost


for epoch in range(20):
	total = 0
	for i in range(len(R)):
		for j in range(len(R[0])):
			if R[i][j] > 0:
				total += train_rating(i, j)
	if epoch % 5 == 0:
		print("epoch", epoch, "cost", round(total, 3))
