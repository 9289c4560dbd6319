"""Where the boxes of a graph stand: columns, an order in each with few crossings, and rows.

After Sugiyama, Tagawa and Toda (1981). An edge over several columns passes each between them at a
place of its own. Orders are improved by the mean place of the neighbours, to and fro, and the best
of all sweeps is kept; rows are then as near to the neighbours' as the order and the room allow,
which is isotonic regression (pool adjacent violators) in each column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 24
NARROW = 0.62  # rows from a box to an edge that passes it
STRAIGHT, HALF_STRAIGHT = 8.0, 2.0  # how much an edge wants to be straight: between passes, at one


@dataclass(eq=False)
class Box:
    """What has a place.

    inputs   the boxes whose results it reads
    is_given whether it can be told anywhere, and as often as it is needed
    passes   where the edges that leave it cross columns, by column; a pass has no name
    """

    name: str
    inputs: list["Box"] = field(default_factory=list)
    is_given: bool = False
    column: int = 0
    row: float = 0.0
    passes: dict[int, "Box"] = field(default_factory=dict)

    @property
    def is_pass(self) -> bool:
        return not self.name

    def copy(self) -> "Box":
        """Another place for what is given."""
        return Box(self.name, is_given=True)


def layered(boxes: Sequence[Box]) -> tuple[list[Box], float]:
    """Give every box its column and row, inputs before their readers.

    boxes  in an order in which inputs come first

    Returns the boxes, in which what is given stands beside each of its readers, and the height in
    rows.
    """
    made = [box for box in boxes if not box.is_given]
    _columns(made)
    boxes = [*_beside_readers(made), *made]
    columns, beside = _passes(boxes)
    _order(columns, beside)
    _rows(columns, beside)
    everything = [box for members in columns.values() for box in members]
    low = min((box.row for box in everything), default=0.0)
    for box in everything:
        box.row -= low
    return boxes, max((box.row for box in everything), default=0.0)


# --- columns -------------------------------------------------------------------------------------


def _columns(made: Sequence[Box]) -> None:
    """As early as the inputs allow; then as late as that makes no edge longer."""
    readers: dict[Box, list[Box]] = {}
    for box in made:
        box.column = max((child.column for child in box.inputs if not child.is_given), default=0)
        box.column += 1
        for child in dict.fromkeys(box.inputs):
            readers.setdefault(child, []).append(box)
    for box in reversed(made):
        own = readers.get(box)
        shared = [c for c in box.inputs if not c.is_given and len(readers[c]) > 1]
        if own and not shared:
            box.column = min(reader.column for reader in own) - 1


def _beside_readers(made: Sequence[Box]) -> list[Box]:
    """What is given, once for each column in which it is read."""
    copies: dict[tuple[Box, int], Box] = {}
    used: set[Box] = set()
    for box in made:
        for place, child in enumerate(box.inputs):
            if not child.is_given:
                continue
            key = (child, box.column)
            if key not in copies:
                copies[key] = child if child not in used else child.copy()
                copies[key].column = box.column - 1
                used.add(child)
            box.inputs[place] = copies[key]
    return list(copies.values())


def _passes(boxes: Sequence[Box]) -> tuple[dict[int, list[Box]], dict[Box, list[Box]]]:
    """The boxes and passes of each column, and who is beside whom."""
    columns: dict[int, list[Box]] = {}
    beside: dict[Box, list[Box]] = {}
    for box in boxes:
        columns.setdefault(box.column, []).append(box)
    for box in boxes:
        for child in dict.fromkeys(box.inputs):
            line = [child]
            for between in range(child.column + 1, box.column):
                if between not in child.passes:
                    child.passes[between] = Box("", column=between)
                    columns.setdefault(between, []).append(child.passes[between])
                line.append(child.passes[between])
            for one, other in pairwise([*line, box]):
                if other not in beside.setdefault(one, []):
                    beside[one].append(other)
                    beside.setdefault(other, []).append(one)
    return columns, beside


# --- orders --------------------------------------------------------------------------------------


def _order(columns: dict[int, list[Box]], beside: Mapping[Box, Sequence[Box]]) -> None:
    best = {place: list(members) for place, members in columns.items()}
    fewest = _crossings(columns, beside)
    for turn in range(SWEEPS):
        backwards = turn % 2 == 1
        for place in sorted(columns, reverse=backwards):
            _sort(columns, place, 1 if backwards else -1, beside)
        crossings = _crossings(columns, beside)
        if crossings < fewest:
            fewest = crossings
            best = {place: list(members) for place, members in columns.items()}
    columns.update(best)


def _sort(
    columns: Mapping[int, list[Box]], place: int, step: int, beside: Mapping[Box, Sequence[Box]]
) -> None:
    """By the mean place of the neighbours on one side; who has none there stays."""
    rank = {box: k for k, box in enumerate(columns.get(place + step, []))}
    own = columns[place]
    wanted: dict[Box, float] = {}
    for k, box in enumerate(own):
        ranks = [rank[other] for other in beside.get(box, []) if other in rank]
        share = len(rank) / max(len(own), 1)
        wanted[box] = sum(ranks) / len(ranks) if ranks else k * share
    own.sort(key=lambda box: wanted[box])


def _crossings(columns: Mapping[int, list[Box]], beside: Mapping[Box, Sequence[Box]]) -> int:
    total = 0
    for place, members in columns.items():
        rank = {box: k for k, box in enumerate(columns.get(place + 1, []))}
        edges = [
            (k, rank[other])
            for k, box in enumerate(members)
            for other in beside.get(box, [])
            if other in rank
        ]
        for k, (one, end) in enumerate(edges):
            total += sum((a - one) * (b - end) < 0 for a, b in edges[k + 1 :])
    return total


# --- rows ----------------------------------------------------------------------------------------


def _rows(columns: Mapping[int, list[Box]], beside: Mapping[Box, Sequence[Box]]) -> None:
    for members in columns.values():
        for rank, box in enumerate(members):
            box.row = rank - (len(members) - 1) / 2
    for turn in range(SWEEPS):
        for place in sorted(columns, reverse=turn % 2 == 1):
            members = columns[place]
            wanted, weights = [], []
            for box in members:
                pulls = [(_pull(box, other), other.row) for other in beside.get(box, [])]
                weight = sum(pull for pull, _ in pulls)
                weights.append(max(weight, 1e-3))
                wanted.append(sum(p * r for p, r in pulls) / weight if weight else box.row)
            for box, row in zip(members, _apart(members, wanted, weights), strict=True):
                box.row = row


def _pull(one: Box, other: Box) -> float:
    return {0: 1.0, 1: HALF_STRAIGHT, 2: STRAIGHT}[one.is_pass + other.is_pass]


def _apart(
    members: Sequence[Box], wanted: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """Rows in this order and apart from each other, with the least weighted squared distance."""
    offsets = [0.0]
    for one, other in pairwise(members):
        offsets.append(offsets[-1] + (NARROW if one.is_pass or other.is_pass else 1.0))
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for place, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = place - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, more, several = pools.pop()
            mean = (mean * total + before * more) / (total + more)
            total, count = total + more, count + several
        pools.append((mean, total, count))
    rows = [mean for mean, _, count in pools for _ in range(count)]
    return [row + offset for row, offset in zip(rows, offsets, strict=True)]
