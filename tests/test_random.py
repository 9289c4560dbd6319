"""Random numbers: the published test vectors, independent keys, the right distributions.

Everything here is a fixed function of fixed keys, so no test can fail by chance; the probabilities
say how unusual a result is for a good generator.
"""

import numpy as np
import pytest
import scipy.stats
from references import threefry2x32

from chainrule import random
from chainrule.errors import SettingError, ShapeError
from chainrule.ops import rows
from chainrule.pipeline import compile, grad, scan, vmap
from chainrule.tracing import trace

UNUSUAL = 1e-3  # no p-value of a test of a distribution may fall below

# Random123's kat_vectors, "threefry2x32 20": counter, key, result
# (https://github.com/DEShawResearch/random123).
KNOWN_ANSWERS = [
    ("00000000 00000000", "00000000 00000000", "6b200159 99ba4efe"),
    ("ffffffff ffffffff", "ffffffff ffffffff", "1cb996fc bb002be7"),
    ("243f6a88 85a308d3", "13198a2e 03707344", "c4923a9c 483df7a0"),
]


def words(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_known_answers(counter, key, result):
    for threefry in (rows.threefry, compile(rows.threefry)):
        found = threefry(words(key), words(counter))
        np.testing.assert_array_equal(found, words(result), strict=True)
    # The other tests' second opinion is held against the vectors too.
    reference = threefry2x32(tuple(map(int, words(key))), tuple(map(int, words(counter))))
    assert reference == tuple(words(result))


def test_a_draw_is_numbered_by_its_logical_index():
    """A prefix of a longer draw is the shorter one, whatever the shape."""
    key = random.key(5)
    flat = random.bits(key, 1000)
    np.testing.assert_array_equal(random.bits(key, (20, 50)).ravel(), flat)
    np.testing.assert_array_equal(random.bits(key, 7), flat[:7])
    np.testing.assert_array_equal(random.bits(key, (2, 0)), np.zeros((2, 0)))


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_holds_all_64_bits_of_the_seed():
    np.testing.assert_array_equal(random.key(0), [0, 0])
    np.testing.assert_array_equal(random.key(2**64 - 1), [2**32 - 1, 2**32 - 1])
    np.testing.assert_array_equal(random.key(np.int64(3 * 2**32 + 7)), [3, 7])
    assert random.key(1).dtype == np.uint32


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "0", True, None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(SettingError, match="a seed"):
        random.key(seed)


@pytest.mark.parametrize("key", [np.arange(2), np.zeros(3, np.uint32), np.array(1, np.uint32)])
def test_what_is_no_key_is_refused(key):
    with pytest.raises(ShapeError, match=r"cr\.random\.key"):
        compile(lambda key: random.bits(key, 3))(key)


def test_derived_keys_are_all_different():
    """Split, folded, and drawn: no two of some fifteen thousand are equal."""
    key = random.key(7)
    pairs = np.concatenate(
        [
            key[None],
            random.split(key, 5000),
            random.fold_in(key, np.arange(5000)),
            random.bits(key, (5000, 2)),
            random.split(random.fold_in(key, 3), 100),
            random.fold_in(random.split(key)[0], np.arange(100)),
        ]
    )
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_folding_takes_any_whole_number():
    key = random.key(0)
    expected = random.fold_in(key, 5)
    for five in (np.int8(5), np.int64(5), np.uint32(5), np.array(5)):
        np.testing.assert_array_equal(random.fold_in(key, five), expected, strict=True)
    assert (random.fold_in(key, -5) != expected).any()
    with pytest.raises(SettingError, match="whole number, not float64"):
        random.fold_in(key, 5.0)


@pytest.mark.parametrize(
    "pair",
    [
        lambda key: (random.uniform(k, 10_000) for k in random.split(key)),
        lambda key: (random.uniform(random.fold_in(key, i), 10_000) for i in (0, 1)),
        lambda key: (random.uniform(k, 10_000) for k in (key, random.fold_in(key, 0))),
        lambda key: (random.uniform(k, 10_000) for k in (key, random.split(key)[0])),
        lambda key: (random.uniform(random.key(seed), 10_000) for seed in (0, 1)),
    ],
    ids=["split", "fold_in", "parent and folded", "parent and split", "seeds"],
)
def test_streams_of_different_keys_are_independent(pair):
    a, b = pair(random.key(11))
    assert scipy.stats.pearsonr(a, b).pvalue > UNUSUAL
    table, _, _ = np.histogram2d(a, b, bins=10, range=[[0, 1], [0, 1]])
    assert scipy.stats.chisquare(table.ravel()).pvalue > UNUSUAL


# --- distributions -------------------------------------------------------------------------------

COUNT = 100_000
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@FLOATS
def test_uniform(dtype):
    x = random.uniform(random.key(1), COUNT, -2.0, 3.0, dtype)
    assert x.dtype == dtype
    assert x.min() >= -2
    assert x.max() < 3
    assert scipy.stats.kstest(x, scipy.stats.uniform(-2, 5).cdf).pvalue > UNUSUAL
    assert x.mean() == pytest.approx(0.5, abs=4 * 5 / np.sqrt(12 * COUNT))
    assert x.var() == pytest.approx(25 / 12, rel=0.02)


@FLOATS
def test_uniform_fills_the_mantissa(dtype):
    """Multiples of 2⁻²⁴ or 2⁻⁵³, every bit of which is fair."""
    digits = 24 if dtype is np.float32 else 53
    x = random.uniform(random.key(2), 20_000, dtype=dtype).astype(np.float64) * 2.0**digits
    whole = x.astype(np.uint64)
    np.testing.assert_array_equal(whole, x)
    for bit in range(digits):
        ones = int((whole >> np.uint64(bit) & np.uint64(1)).sum())
        assert scipy.stats.binomtest(ones, 20_000).pvalue > UNUSUAL / 53


@FLOATS
def test_normal(dtype):
    x = random.normal(random.key(3), (COUNT // 100, 100), dtype).ravel()
    assert x.dtype == dtype
    assert np.isfinite(x).all()
    assert scipy.stats.kstest(x, "norm").pvalue > UNUSUAL
    moments = [np.mean(x.astype(np.float64) ** power) for power in (1, 2, 3, 4)]
    # Four standard errors of each sample moment.
    errors = [4 * np.sqrt(v / COUNT) for v in (1, 2, 15, 96)]
    for moment, truth, error in zip(moments, (0, 1, 0, 3), errors, strict=True):
        assert moment == pytest.approx(truth, abs=error)
    assert scipy.stats.pearsonr(x[:-1], x[1:]).pvalue > UNUSUAL


def test_bernoulli():
    x = random.bernoulli(random.key(4), COUNT, 0.3)
    assert x.dtype == bool
    assert scipy.stats.binomtest(int(x.sum()), COUNT, 0.3).pvalue > UNUSUAL
    assert not random.bernoulli(random.key(4), COUNT, 0.0).any()
    assert random.bernoulli(random.key(4), COUNT, 1.0).all()


def test_a_dtype_that_is_not_offered_is_refused():
    with pytest.raises(SettingError, match="float32 or float64, not float16"):
        random.normal(random.key(0), 3, np.float16)


# --- shuffles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17, 63, 64, 65, 1000, 4096, 4097, 99_991])
def test_a_permutation_is_a_bijection(count):
    order = random.permutation(random.key(count), count)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(count))


def test_no_permutation_of_nothing():
    assert random.permutation(random.key(0), 0).shape == (0,)


def test_a_permutation_is_keyed_and_fair():
    """Each number stands at each place equally often, and so does each order of four."""
    keys = random.split(random.key(6), 4800)
    orders = vmap(lambda key: random.permutation(key, 4))(keys)
    places = np.stack([np.bincount(column, minlength=4) for column in orders.T])
    assert scipy.stats.chisquare(places.ravel()).pvalue > UNUSUAL
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    assert scipy.stats.chisquare(counts).pvalue > UNUSUAL


def test_a_long_permutation_forgets_where_a_number_was():
    order = random.permutation(random.key(8), COUNT)
    assert scipy.stats.pearsonr(np.arange(COUNT), order).pvalue > UNUSUAL
    assert scipy.stats.pearsonr(order[:-1], order[1:]).pvalue > UNUSUAL
    table, _, _ = np.histogram2d(np.arange(COUNT), order, bins=20)
    assert scipy.stats.chisquare(table.ravel()).pvalue > UNUSUAL
    fixed = int((order == np.arange(COUNT)).sum())
    assert fixed <= scipy.stats.poisson(1).isf(UNUSUAL)


def test_one_place_of_a_shuffle_needs_no_other():
    key = random.key(9)
    order = random.permutation(key, 1000)
    for place in (0, 1, 500, 999):
        assert rows.shuffle(key, np.array(place), count=1000) == order[place]


# --- the same bits everywhere --------------------------------------------------------------------

DRAWS = {
    "bits": lambda key: random.bits(key, (3, 5)),
    "uniform": lambda key: random.uniform(key, 7, -1.0, 1.0),
    "uniform float32": lambda key: random.uniform(key, 7, dtype=np.float32),
    "normal": lambda key: random.normal(key, (3, 5)),
    "normal float32": lambda key: random.normal(key, (3, 5), np.float32),
    "bernoulli": lambda key: random.bernoulli(key, 40, 0.3),
    "permutation": lambda key: random.permutation(key, 100),
    "split": lambda key: random.split(key, 3),
    "fold_in": lambda key: random.fold_in(key, 17),
}


@pytest.mark.parametrize("name", DRAWS)
def test_traced_and_plain_draws_are_the_same_bits(name):
    draw, keys = DRAWS[name], random.split(random.key(10), 4)
    plain = [draw(key) for key in keys]
    # The words are the same in every engine; a logarithm of them may be rounded otherwise.
    np.testing.assert_array_equal(compile(draw, "numpy")(keys[0]), plain[0], strict=True)
    np.testing.assert_array_equal(vmap(draw)(keys), plain)
    _, looped = scan(lambda carry, key: (carry, draw(key)), 0.0, keys)
    np.testing.assert_array_equal(looped, plain)


def test_a_step_counter_may_be_folded_in_while_recording():
    key = random.key(12)

    def noise(step, _):
        return step + 1, random.normal(random.fold_in(key, step), 3)

    _, found = scan(noise, 0, np.zeros(4))
    expected = [random.normal(random.fold_in(key, step), 3) for step in range(4)]
    np.testing.assert_array_equal(found, expected)


def test_the_bits_stay_what_they_were():
    """Recorded once: a resumed run, and every later version, must draw the same numbers."""
    key = random.key(2024)
    np.testing.assert_array_equal(random.bits(key, 2), [1982900149, 1742385569])
    np.testing.assert_array_equal(
        random.split(key), [[3140394947, 4246318164], [1333214480, 4279580386]]
    )
    np.testing.assert_array_equal(random.fold_in(key, 1), [2808405315, 3212445623])
    np.testing.assert_array_equal(random.permutation(key, 10), [0, 8, 4, 3, 6, 5, 2, 9, 1, 7])
    np.testing.assert_array_equal(random.uniform(key, 1), [0.46167991612613757])
    np.testing.assert_allclose(random.normal(key, 1), [-0.27717179525368935], rtol=1e-15)


def test_noise_is_a_constant_to_the_chain_rule():
    """The reparametrised draw: gradients flow to mean and scale, not to the noise."""
    key = random.key(13)
    noise = random.normal(key, 5)

    def draw(mean, scale):
        return np.sum((mean + scale * random.normal(key, 5)) ** 2)

    d_mean, d_scale = grad(draw, wrt=(0, 1))(1.0, 2.0)
    assert d_mean == pytest.approx(np.sum(2 * (1 + 2 * noise)))
    assert d_scale == pytest.approx(np.sum(2 * (1 + 2 * noise) * noise))


def test_one_draw_is_one_node_of_its_kind():
    graph = trace(lambda key: random.normal(key, 3), random.key(0))
    assert sum(node.op is rows.random_bits for node in graph.nodes) == 1
