import numpy as np

np.random.seed(0)
points = 40
X = np.vstack([np.random.randn(points, 2) + [1.5, 0], np.random.randn(points, 2) - [1.5, 0]])
y = np.array([0] * points + [1] * points)

model = {
    'W1': np.random.randn(2, 6) / np.sqrt(2),
    'b1': np.zeros((1, 6)),
    'W2': np.random.randn(6, 2) / np.sqrt(6),
    'b2': np.zeros((1, 2)),
}
epsilon = 0.01


def predict_proba(model, x):
    a1 = np.maximum(0, x.dot(model['W1']) + model['b1'])
    exp_scores = np.exp(a1.dot(model['W2']) + model['b2'])
    return a1, exp_scores / exp_scores.sum(axis=1, keepdims=True)


def calculate_loss(model, x, t):
    _, probs = predict_proba(model, x)
    return np.mean(-np.log(probs[range(len(t)), t]))


for epoch in range(5):
    order = np.random.permutation(len(X))
    for start in range(0, len(X), 10):
        batch = order[start : start + 10]
        a1, probs = predict_proba(model, X[batch])

        delta3 = probs
        delta3[range(len(batch)), y[batch]] -= 1
        dW2 = a1.T.dot(delta3)
        db2 = delta3.sum(axis=0, keepdims=True)
        delta2 = delta3.dot(model['W2'].T) * (a1 > 0)
        dW1 = X[batch].T.dot(delta2)
        db1 = delta2.sum(axis=0, keepdims=True)

        model['W1'] -= epsilon * dW1
        model['b1'] -= epsilon * db1
        model['W2'] -= epsilon * dW2
        model['b2'] -= epsilon * db2
    print('Loss after epoch %d: %.4f' % (epoch, calculate_loss(model, X, y)))
