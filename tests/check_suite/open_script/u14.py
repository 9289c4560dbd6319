import numpy as np

def sigmoid(x):
    return 1/(1+np.exp(-x))

# hours of sleep, hours of study -> score
X = np.array(([3,5],[5,1],[10,2],[6,1.5]), dtype=float)
y = np.array(([75],[82],[93],[70]), dtype=float)
X = X/np.amax(X, axis=0)
y = y/100

np.random.seed(5)
W1 = np.random.randn(2,3)
W2 = np.random.randn(3,1)
lr = 3

for i in range(500):
    hidden = sigmoid(np.dot(X,W1))
    yHat = sigmoid(np.dot(hidden,W2))
    J = 0.5*np.sum((yHat-y)**2)/len(X)
    delta3 = (yHat-y)/len(X)*yHat*(1-yHat)
    dJdW2 = np.dot(hidden.T, delta3)
    delta2 = np.dot(delta3, W2.T)*hidden*(1-hidden)
    dJdW1 = np.dot(delta2.T, X)
    W1 = W1 - lr*dJdW1
    W2 = W2 - lr*dJdW2
    if i%100 == 0:
        print("cost:", J)
print("predicted:", yHat)
