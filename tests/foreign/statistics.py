"""Clustering, densities, kernels, filters and other statistics."""

import numpy as np

from .case import Case


def gmm_log_likelihood(X, log_weights, means, log_sigmas):
    """Density-estimation blog style: a diagonal mixture by broadcasting and log-sum-exp."""

    def logsumexp(a, axis=None, keepdims=False):
        a_max = np.max(a, axis=axis, keepdims=True)
        out = np.log(np.sum(np.exp(a - a_max), axis=axis, keepdims=True)) + a_max
        return out if keepdims else np.squeeze(out, axis=axis)

    log_pi = log_weights - logsumexp(log_weights, axis=0)
    diff = X[:, None, :] - means[None, :, :]
    z = diff / np.exp(log_sigmas)
    log_prob = -0.5 * (z**2 + np.log(2 * np.pi)).sum(axis=-1) - log_sigmas.sum(axis=-1)
    joint = log_prob + log_pi
    log_evidence = logsumexp(joint, axis=1, keepdims=True)
    responsibilities = np.exp(joint - log_evidence)
    return log_evidence.mean(), responsibilities


def kmeans_step(X, centroids):
    """ML-from-scratch style: assign by nearest centroid, move each to the mean of its points."""
    distances = np.sqrt(((X - centroids[:, np.newaxis]) ** 2).sum(axis=2))
    closest = np.argmin(distances, axis=0)
    new_centroids = [X[closest == k].mean(axis=0) for k in range(centroids.shape[0])]
    return np.stack(new_centroids), closest


def pca_power_iteration(X, v, n_components):
    """Numerical-notes style: power iteration with deflation, vectors normalised in place."""
    X = X - X.mean(axis=0)
    C = X.T @ X / (X.shape[0] - 1)
    components, variances = [], []
    for _ in range(n_components):
        u = v.copy()
        for _ in range(6):
            u = C @ u
            u /= np.linalg.norm(u)
        eigenvalue = u @ C @ u
        C = C - eigenvalue * np.outer(u, u)
        components.append(u)
        variances.append(eigenvalue)
    return np.vstack(components), np.stack(variances)


def rbf_mmd(X, Y, gammas):
    """Kernel-methods style: squared distances by the expanded square, a sum of RBF kernels."""

    def rbf_kernel(A, B, gamma):
        sq_dists = np.sum(A**2, 1).reshape(-1, 1) + np.sum(B**2, 1) - 2 * np.dot(A, B.T)
        return np.exp(-gamma * np.clip(sq_dists, 0, None))

    m, n = X.shape[0], Y.shape[0]
    mmd = 0
    for gamma in gammas:
        Kxx = rbf_kernel(X, X, gamma)
        Kyy = rbf_kernel(Y, Y, gamma)
        Kxy = rbf_kernel(X, Y, gamma)
        mmd += (Kxx.sum() - np.trace(Kxx)) / (m * (m - 1))
        mmd += (Kyy.sum() - np.trace(Kyy)) / (n * (n - 1))
        mmd -= 2 * Kxy.mean()
    return mmd


def kalman_filter(zs, x, P, F, H, Q, R):
    """Robotics-tutorial style: predict and update over measurements, with a matrix inverse."""
    estimates = []
    for z in zs:
        x = F @ x
        P = F @ P @ F.T + Q
        y = z - H @ x
        S = H @ P @ H.T + R
        K = P @ H.T @ np.linalg.inv(S)
        x = x + K @ y
        P = (np.eye(P.shape[0]) - K @ H) @ P
        estimates.append(x)
    return np.stack(estimates), P


def moving_averages(prices, window, alpha):
    """Quant-notebook style: rolling mean and deviation by cumulative sums, an exponential mean."""
    cumulative = np.cumsum(np.insert(prices, 0, 0.0))
    rolling = (cumulative[window:] - cumulative[:-window]) / window
    squares = np.concatenate(([0.0], np.cumsum(prices**2)))
    variance = (squares[window:] - squares[:-window]) / window - rolling**2
    bands = np.sqrt(np.maximum(variance, 1e-12))

    ema = [prices[0]]
    for price in prices[1:]:
        ema.append(alpha * price + (1 - alpha) * ema[-1])

    log_returns = np.diff(np.log(prices))
    volatility = log_returns.std(ddof=1) * np.sqrt(252)
    return rolling + 2 * bands, rolling - 2 * bands, ema, volatility


def tsne_gradient(P, Y):
    """Paper-reimplementation style: t-SNE's Student kernel with an emptied diagonal."""
    sum_Y = np.sum(np.square(Y), 1)
    num = -2.0 * np.dot(Y, Y.T)
    num = 1.0 / (1.0 + np.add(np.add(num, sum_Y).T, sum_Y))
    np.fill_diagonal(num, 0.0)
    Q = num / np.sum(num)
    Q = np.maximum(Q, 1e-12)
    pq_diff = P - Q
    y_diffs = np.expand_dims(Y, 1) - np.expand_dims(Y, 0)
    grad = 4.0 * (np.expand_dims(pq_diff * num, 2) * y_diffs).sum(1)
    kl = np.sum(P * np.log(np.maximum(P, 1e-12) / Q))
    return kl, grad


def _kalman_arguments(rng):
    dt = 0.5
    return (
        rng.normal(size=(5, 2)),
        rng.normal(size=4),
        np.eye(4) + 0.1,
        np.eye(4) + dt * np.eye(4, k=2),
        np.eye(2, 4),
        0.1 * np.eye(4),
        0.5 * np.eye(2),
    )


def _joint_probabilities(rng, n):
    P = rng.random((n, n))
    P = P + P.T
    np.fill_diagonal(P, 0.0)
    return P / P.sum()


CASES = [
    Case(
        "gmm_log_likelihood",
        gmm_log_likelihood,
        lambda rng: (
            rng.normal(size=(8, 2)),
            rng.normal(size=3),
            rng.normal(size=(3, 2)),
            0.3 * rng.normal(size=(3, 2)),
        ),
        (0, 1, 2, 3),
    ),
    Case(
        "kmeans_step",
        kmeans_step,
        lambda rng: (
            np.concatenate([rng.normal(size=(5, 2)) - 4, rng.normal(size=(6, 2)) + 4]),
            np.array([[-3.0, -3.5], [3.5, 3.0]]),
        ),
        (0,),
    ),
    Case(
        "pca_power_iteration",
        pca_power_iteration,
        lambda rng: (rng.normal(size=(12, 4)) * [3.0, 2.0, 1.0, 0.5], rng.normal(size=4), 2),
        (0, 1),
    ),
    Case(
        "rbf_mmd",
        rbf_mmd,
        lambda rng: (rng.normal(size=(5, 3)), 1 + rng.normal(size=(4, 3)), [0.2, 1.0]),
        (0, 1),
    ),
    Case("kalman_filter", kalman_filter, _kalman_arguments, (0, 1, 2, 3, 4, 5, 6)),
    Case(
        "moving_averages",
        moving_averages,
        lambda rng: (100 * np.exp(np.cumsum(0.02 * rng.normal(size=15))), 4, 0.3),
        (0,),
    ),
    Case(
        "tsne_gradient",
        tsne_gradient,
        lambda rng: (_joint_probabilities(rng, 6), rng.normal(size=(6, 2))),
        (1,),
    ),
]
