"""Into how many slices a sum is cut, so that threads can share it.

A thread that sums over its own samples needs nothing of the others until the slices are added up.
The number of slices is the same on every machine and for any number of threads, and so are the
bits of the result.
"""

from chainrule.engines.native.plan import FEW_ROWS, grain

SLICES = (16, 8, 4, 2)
LEAST_WORK = 700_000  # products in a slice, where there are more than two
MOST_SUMS = 32_768  # numbers in all slices together


def slices(sums: int, terms: int, length: int, moved: int) -> int:
    """How many slices, of `sums` sums of `terms` terms, cut along an axis of this length.

    moved  how many numbers threads would otherwise read of each other
    """
    if length < FEW_ROWS or sums == 0:
        return 1
    for count in SLICES:
        worth = count == 2 or sums * terms >= count * LEAST_WORK
        small = count * sums <= max(min(MOST_SUMS, 2 * moved), moved / 8)
        if worth and small and -(-length // grain(length)) >= count:
            return count
    return 1
