"""Recurrent networks, attention and hidden states over time."""

import numpy as np

from .case import Case


def char_rnn(inputs, targets, hprev, Wxh, Whh, Why, bh, by):
    """Gist style: a vanilla character RNN with dicts over time and clipped gradients."""
    vocab_size = Wxh.shape[1]
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(Whh.T, dhraw)
    for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
        np.clip(dparam, -5, 5, out=dparam)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


def lstm_forward(x, h0, Wx, Wh, b):
    """Course-assignment style: an LSTM over a minibatch, hidden states written to a buffer."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    N, T, _D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    prev_h = h0
    prev_c = np.zeros((N, H))
    for t in range(T):
        a = x[:, t, :].dot(Wx) + prev_h.dot(Wh) + b
        i = sigmoid(a[:, 0:H])
        f = sigmoid(a[:, H : 2 * H])
        o = sigmoid(a[:, 2 * H : 3 * H])
        g = np.tanh(a[:, 3 * H : 4 * H])
        prev_c = f * prev_c + i * g
        prev_h = o * np.tanh(prev_c)
        h[:, t, :] = prev_h
    return h


def gru_unrolled(x, h, params):
    """Research-repository style: a GRU as a Python loop whose outputs are appended and stacked."""
    outputs = []
    for t in range(x.shape[1]):
        xt = x[:, t]
        hx = np.concatenate([xt, h], axis=-1)
        gates = 1.0 / (1.0 + np.exp(-(hx @ params["W_gates"] + params["b_gates"])))
        z, r = np.split(gates, 2, axis=-1)
        candidate = np.tanh(np.concatenate([xt, r * h], axis=-1) @ params["W_h"] + params["b_h"])
        h = (1 - z) * h + z * candidate
        outputs.append(h)
    return np.stack(outputs, axis=1), h


def word_embedding(x, W, dout):
    """Course-assignment style: look rows up going forward, add them up with `np.add.at` back."""
    out = W[x]
    dW = np.zeros_like(W)
    np.add.at(dW, x, dout)
    return out, dW


def multi_head_attention(x, Wq, Wk, Wv, Wo, lengths, num_heads):
    """Tutorial style: heads by reshape and swapaxes, scores by einsum, padding masked away."""
    batch, time, dim = x.shape
    head_dim = dim // num_heads

    def split_heads(t):
        return t.reshape(batch, time, num_heads, head_dim).swapaxes(1, 2)

    q, k, v = split_heads(x @ Wq), split_heads(x @ Wk), split_heads(x @ Wv)
    scores = np.einsum("bhqd,bhkd->bhqk", q, k) / np.sqrt(head_dim)
    padding_mask = np.arange(time)[None, :] < lengths[:, None]
    scores = np.where(padding_mask[:, None, None, :], scores, -1e9)
    scores = scores - scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores)
    weights /= weights.sum(axis=-1, keepdims=True)
    context = np.einsum("bhqk,bhkd->bhqd", weights, v)
    context = context.transpose(0, 2, 1, 3).reshape(batch, time, -1)
    return context @ Wo, weights


def tiny_gpt_block(tokens, wte, wpe, block, n_head):
    """Minimal-GPT style: keyword-unpacked parameter dicts, heads through split, map and hstack."""

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def softmax(x):
        exp_x = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return exp_x / np.sum(exp_x, axis=-1, keepdims=True)

    def layer_norm(x, g, b, eps=1e-5):
        mean = np.mean(x, axis=-1, keepdims=True)
        variance = np.var(x, axis=-1, keepdims=True)
        return g * (x - mean) / np.sqrt(variance + eps) + b

    def linear(x, w, b):
        return x @ w + b

    def attention(q, k, v, mask):
        return softmax(q @ k.T / np.sqrt(q.shape[-1]) + mask) @ v

    def mha(x, c_attn, c_proj):
        x = linear(x, **c_attn)
        qkv = np.split(x, 3, axis=-1)
        qkv_heads = list(map(lambda t: np.split(t, n_head, axis=-1), qkv))
        causal_mask = (1 - np.tri(x.shape[0], dtype=x.dtype)) * -1e10
        out_heads = [attention(q, k, v, causal_mask) for q, k, v in zip(*qkv_heads)]
        return linear(np.hstack(out_heads), **c_proj)

    def ffn(x, c_fc, c_proj):
        return linear(gelu(linear(x, **c_fc)), **c_proj)

    x = wte[tokens] + wpe[range(len(tokens))]
    x = x + mha(layer_norm(x, **block["ln_1"]), **block["attn"])
    x = x + ffn(layer_norm(x, **block["ln_2"]), **block["mlp"])
    return x @ wte.T


def hmm_log_likelihood(observations, pi, A, B):
    """Lecture-notes style: scaled forward recursion that fills a table of alphas."""
    T = len(observations)
    alpha = np.zeros((T, len(pi)))
    scale = np.zeros(T)
    alpha[0] = pi * B[:, observations[0]]
    scale[0] = alpha[0].sum()
    alpha[0] /= scale[0]
    for t in range(1, T):
        alpha[t] = alpha[t - 1].dot(A) * B[:, observations[t]]
        scale[t] = alpha[t].sum()
        alpha[t] /= scale[t]
    return np.log(scale).sum(), alpha


def _char_rnn_arguments(rng):
    vocab, hidden = 5, 4
    return (
        [0, 3, 1, 3],
        [3, 1, 3, 4],
        np.zeros((hidden, 1)),
        rng.normal(size=(hidden, vocab)),
        0.5 * rng.normal(size=(hidden, hidden)),
        rng.normal(size=(vocab, hidden)),
        rng.normal(size=(hidden, 1)),
        rng.normal(size=(vocab, 1)),
    )


def _gpt_arguments(rng):
    n_embd = 4
    block = {
        "ln_1": {"g": 1 + 0.1 * rng.normal(size=n_embd), "b": rng.normal(size=n_embd)},
        "ln_2": {"g": 1 + 0.1 * rng.normal(size=n_embd), "b": rng.normal(size=n_embd)},
        "attn": {
            "c_attn": {"w": rng.normal(size=(n_embd, 12)), "b": rng.normal(size=12)},
            "c_proj": {"w": rng.normal(size=(n_embd, n_embd)), "b": rng.normal(size=n_embd)},
        },
        "mlp": {
            "c_fc": {"w": rng.normal(size=(n_embd, 8)), "b": rng.normal(size=8)},
            "c_proj": {"w": rng.normal(size=(8, n_embd)), "b": rng.normal(size=n_embd)},
        },
    }
    return [2, 0, 5], rng.normal(size=(6, n_embd)), rng.normal(size=(8, n_embd)), block, 2


def _stochastic(rng, *shape):
    table = rng.random(shape)
    return table / table.sum(axis=-1, keepdims=True)


CASES = [
    Case("char_rnn", char_rnn, _char_rnn_arguments, (2, 3, 4, 5, 6, 7)),
    Case(
        "lstm_forward",
        lstm_forward,
        lambda rng: (
            rng.normal(size=(2, 3, 4)),
            rng.normal(size=(2, 5)),
            rng.normal(size=(4, 20)),
            rng.normal(size=(5, 20)),
            rng.normal(size=20),
        ),
        (0, 1, 2, 3, 4),
    ),
    Case(
        "gru_unrolled",
        gru_unrolled,
        lambda rng: (
            rng.normal(size=(2, 4, 3)),
            rng.normal(size=(2, 5)),
            {
                "W_gates": rng.normal(size=(8, 10)),
                "b_gates": rng.normal(size=10),
                "W_h": rng.normal(size=(8, 5)),
                "b_h": rng.normal(size=5),
            },
        ),
        (0, 1, 2),
    ),
    Case(
        "word_embedding",
        word_embedding,
        lambda rng: (
            rng.integers(0, 6, size=(2, 5)),
            rng.normal(size=(6, 3)),
            rng.normal(size=(2, 5, 3)),
        ),
        (1, 2),
    ),
    Case(
        "multi_head_attention",
        multi_head_attention,
        lambda rng: (
            rng.normal(size=(2, 4, 6)),
            rng.normal(size=(6, 6)),
            rng.normal(size=(6, 6)),
            rng.normal(size=(6, 6)),
            rng.normal(size=(6, 3)),
            np.array([4, 2]),
            2,
        ),
        (0, 1, 2, 3, 4),
    ),
    Case("tiny_gpt_block", tiny_gpt_block, _gpt_arguments, (1, 2, 3)),
    Case(
        "hmm_log_likelihood",
        hmm_log_likelihood,
        lambda rng: (
            np.array([0, 2, 1, 1, 3]),
            _stochastic(rng, 3),
            _stochastic(rng, 3, 3),
            _stochastic(rng, 3, 4),
        ),
        (1, 2, 3),
    ),
]
