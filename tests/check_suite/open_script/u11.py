import numpy as np

rng = np.random.default_rng(17)
n_states, n_actions, batch = 3, 4, 8
best = np.array([2, 0, 3])  # the arm that pays in each state
theta = 0.1 * rng.normal(size=(n_states, n_actions))
step_size = 0.4


def policy(state):
    preference = np.exp(theta[state])
    return preference / preference.sum()


average_reward = []
for episode in range(60):
    states = rng.integers(n_states, size=batch)
    actions = np.array([rng.choice(n_actions, p=policy(s)) for s in states])
    rewards = np.where(actions == best[states], 1.0, -0.2)
    average_reward.append(rewards.mean())

    objective = 0.0
    grad = np.zeros_like(theta)
    for s, a, r in zip(states, actions, rewards):
        pi = policy(s)
        objective -= r * np.log(pi[a]) / batch
        dlog = -pi
        dlog[a] += 1
        grad[s] += r * dlog / batch
    theta -= step_size * grad
    if episode % 20 == 0:
        print(episode, objective, np.mean(average_reward[-20:]))
