"""The kind Random: numbers that are a function of a key and a position, never of a hidden state.

The generator is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random
numbers: as easy as 1, 2, 3", SC 2011). A key is two uint32 words; every 64-bit counter under it
gives two random words. Because the counter is the logical index of an element, every engine and
every number of threads draws the same bits.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import Node, Op, Params, Shape
from chainrule.ops.registry import register, rows

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
BLOCKS_TOGETHER = 1 << 14  # counters of a key, whose intermediate numbers stay in a cache


def threefry_words(key: Any, high: Any, low: Any) -> tuple[Any, Any]:
    """The two random words of the counter (high, low) under a key (…, 2); all uint32."""
    k0, k1 = key[..., 0], key[..., 1]
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**32 is meant
        x0, x1 = high + k0, low + k1
        for group in range(5):
            for rotation in _ROTATIONS[group % 2]:
                x0 = x0 + x1
                x1 = (x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation))
                x1 = x1 ^ x0
            x0 = x0 + schedule[(group + 1) % 3]
            x1 = x1 + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


def _check_key(name: str, key: Node) -> None:
    if key.ndim == 0 or key.shape[-1] != 2 or key.dtype != np.uint32:
        raise ShapeError(
            f"{name}: a key is uint32 of shape (2,), not {key.dtype}{list(key.shape)}; "
            "make one with cr.random.key(seed)"
        )


class RandomBits(Op):
    """A key (…, 2) gives uint32 words of shape (…, *shape).

    Element i of the logical order is word i % 2 of the block with counter i // 2.
    """

    name = "random_bits"
    latex = r"\text{{bits}}({0})"
    doc = "Uniformly random 32-bit words."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        (key,) = inputs
        _check_key(self.name, key)
        return (*key.shape[:-1], *params["shape"]), np.dtype(np.uint32)

    def evaluate(self, key: Any, *, shape: Shape) -> Any:
        key, count = np.asarray(key), prod(shape)
        lead, blocks = key.shape[:-1], (count + 1) // 2
        words = np.empty((*lead, blocks, 2), np.uint32)
        for begin in range(0, blocks, BLOCKS_TOGETHER):
            block = np.arange(begin, min(begin + BLOCKS_TOGETHER, blocks), dtype=np.uint64)
            high, low = (block >> np.uint64(32)).astype(np.uint32), block.astype(np.uint32)
            some = words[..., begin : begin + block.size, :]
            some[..., 0], some[..., 1] = threefry_words(key[..., None, :], high, low)
        return words.reshape((*lead, 2 * blocks))[..., :count].reshape((*lead, *shape))

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        return self(xs[0], **node.params)


class Threefry(Op):
    """A key (…, 2) and counters (…, 2) give two words each, (…, 2): the bare block function."""

    name = "threefry"
    latex = r"\text{{threefry}}({0}, {1})"
    doc = "The random words of given counters; what keys are derived with."

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        key, counter = inputs
        _check_key(self.name, key)
        _check_key(self.name, counter)
        return np.broadcast_shapes(key.shape, counter.shape), np.dtype(np.uint32)

    def evaluate(self, key: Any, counter: Any) -> Any:
        key, counter = np.asarray(key), np.asarray(counter)
        return np.stack(threefry_words(key, counter[..., 0], counter[..., 1]), axis=-1)

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        rank = node.ndim + 1
        lifted = [
            rows.reshape(x, shape=(size, *[1] * (rank - len(x.shape)), *x.shape[1:])) if flag else x
            for x, flag in zip(xs, batched, strict=True)
        ]
        return self(*lifted)


class Shuffle(Op):
    """A keyed bijection of 0 … count - 1: position i of the shuffled order holds shuffle(i).

    A Feistel network over the next power of two, walked until the value falls below `count`
    (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). No list of the whole
    order is ever made.
    """

    name = "shuffle"
    latex = r"\pi_{{{0}}}({1})"
    doc = "Where the i-th place of a shuffled order points to."
    rounds = 6

    def infer(self, inputs: Sequence[Node], params: Params) -> tuple[Shape, np.dtype[Any]]:
        key, index = inputs
        _check_key(self.name, key)
        return index.shape, np.dtype(np.int64)

    def evaluate(self, key: Any, index: Any, *, count: int) -> Any:
        key, index = np.asarray(key), np.asarray(index)
        lead = key.ndim - 1
        words = self.subkeys(key[..., None, :], np.arange(self.rounds, dtype=np.uint32))
        subkeys = [
            words[..., r].reshape(key.shape[:-1] + (1,) * (index.ndim - lead))
            for r in range(self.rounds)
        ]
        value = np.asarray(self.encrypt(index.astype(np.uint64), subkeys, count))
        while (outside := value >= count).any():
            own = [np.broadcast_to(subkey, value.shape)[outside] for subkey in subkeys]
            value[outside] = self.encrypt(value[outside], own, count)
        return value.astype(np.int64)

    @staticmethod
    def subkeys(key: Any, numbers: Any) -> Any:
        """A word for each round, from counters that nothing else draws."""
        words, _ = threefry_words(key, numbers | np.uint32(1 << 31), numbers)
        return words

    @staticmethod
    def encrypt(value: Any, subkeys: Sequence[Any], count: int) -> Any:
        """One way through the network: each half in turn is mixed with a word of the other."""
        bits = max((count - 1).bit_length(), 2)
        low = bits // 2
        left = (value >> np.uint64(low)).astype(np.uint32)
        right = value.astype(np.uint32) & np.uint32((1 << low) - 1)
        for number, subkey in enumerate(subkeys):
            if number % 2 == 0:
                left = left ^ (_mix(right ^ subkey) & np.uint32((1 << (bits - low)) - 1))
            else:
                right = right ^ (_mix(left ^ subkey) & np.uint32((1 << low) - 1))
        return (left.astype(np.uint64) << np.uint64(low)) | right.astype(np.uint64)

    def batch(self, node: Node, xs: Sequence[Any], batched: Sequence[bool], size: int) -> Any:
        key, index = xs
        if batched[0] and not batched[1]:
            index = rows.broadcast_to(index, shape=(size, *index.shape))
        return self(key, index, **node.params)


def _mix(word: Any) -> Any:
    """A 32-bit finaliser: every input bit flips about half of the output bits (as MurmurHash3)."""
    with np.errstate(over="ignore"):  # arithmetic modulo 2**32 is meant
        word = (word ^ (word >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        word = (word ^ (word >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return word ^ (word >> np.uint32(16))


random_bits = register(RandomBits())
threefry = register(Threefry())
shuffle = register(Shuffle())
