import numpy as np

np.random.seed(0)
reg = 1e-2
params = {"W": 0.3 * np.random.randn(2, 8), "b": np.zeros((1, 8)), "W2": 0.3 * np.random.randn(8, 3), "b2": np.zeros((1, 3))}
params["b"] += 0.05
data = (np.random.randn(9, 2), np.repeat(np.arange(3), 3))


def scores_of(params, X):
    hidden = np.maximum(0, np.dot(X, params["W"]) + params["b"])
    return hidden, np.dot(hidden, params["W2"]) + params["b2"]


def loss(params, X, y):
    _, scores = scores_of(params, X)
    exp_scores = np.exp(scores)
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    correct_logprobs = -np.log(probs[range(len(X)), y])
    data_loss = np.sum(correct_logprobs) / len(X)
    reg_loss = 0.5 * reg * np.sum(params["W"] ** 2) + 0.5 * reg * np.sum(params["W2"] ** 2)
    return data_loss + reg_loss


def grads(params, X, y):
    num_examples = len(X)
    hidden, scores = scores_of(params, X)
    exp_scores = np.exp(scores)
    dscores = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    dscores[range(num_examples), y] -= 1
    dscores /= num_examples
    dW2 = np.dot(hidden.T, dscores)
    db2 = np.sum(dscores, axis=0, keepdims=True)
    dhidden = np.dot(dscores, params["W2"].T)
    dhidden[hidden <= 0] = 0
    dW = np.dot(X.T, dhidden)
    db = np.sum(dhidden, axis=0, keepdims=True)
    dW2 += reg * params["W2"]
    dW += reg * params["W"]
    return {"W": dW, "b": db, "W2": dW2, "b2": db2}
