"""Where the boxes of a computation graph stand."""

from itertools import combinations, pairwise

import numpy as np
import pytest
import recurrent

import chainrule as cr
from chainrule.explaining.drawing.layering import Box, layered
from chainrule.explaining.drawing.operations import read_operations


def chain(*names, start=None):
    boxes = []
    for name in names:
        inputs = [boxes[-1]] if boxes else [start] if start else []
        boxes.append(Box(name, inputs))
    return boxes


def crossings(boxes):
    """Of the straight lines between boxes and passes, counted pair by pair."""
    edges = set()
    for box in boxes:
        for child in box.inputs:
            line = [child, *(child.passes[k] for k in range(child.column + 1, box.column)), box]
            edges |= set(pairwise(line))
    return sum(
        (a.row - c.row) * (b.row - d.row) < 0
        for (a, b), (c, d) in combinations(edges, 2)
        if a.column == c.column
    )


def assert_apart(boxes):
    """Inputs stand before their readers, and no two boxes of a column nearer than a row."""
    columns = {}
    for box in boxes:
        assert all(child.column < box.column for child in box.inputs)
        columns.setdefault(box.column, []).append(box.row)
    for rows in columns.values():
        assert np.diff(sorted(rows)).min(initial=1.0) >= 1 - 1e-9


def test_a_chain_is_straight():
    boxes, height = layered(chain("a", "b", "c", "d"))
    assert [box.column for box in boxes] == [1, 2, 3, 4]
    assert height == pytest.approx(0, abs=1e-9)


def test_crossings_are_undone():
    """Two pairs that are given in the order in which their edges cross."""
    a, b = Box("a"), Box("b")
    c, d = Box("c", [b]), Box("d", [a])
    boxes, _ = layered([a, b, c, d])
    assert crossings(boxes) == 0
    assert_apart(boxes)


def test_a_long_edge_passes_the_boxes_between():
    start = Box("a")
    way = chain("b", "c", "d", start=start)
    end = Box("e", [way[-1], start])
    boxes, height = layered([start, *way, end])
    assert set(start.passes) == {2, 3, 4}
    assert crossings(boxes) == 0
    assert all(abs(start.passes[box.column].row - box.row) > 0.5 for box in way)
    assert height < 2


def test_what_is_given_stands_beside_each_reader():
    given = Box("x", is_given=True)
    way = chain("a", "b", "c", start=given)
    end = Box("d", [way[-1], given])
    boxes, _ = layered([given, *way, end])
    copies = [box for box in boxes if box.name == "x"]
    assert sorted(box.column for box in copies) == [0, 3]
    assert end.inputs[1].column == end.column - 1


def test_what_is_needed_late_is_made_late():
    given = Box("y", is_given=True)
    early = Box("−y", [given])
    way = chain("a", "b", "c", "d")
    end = Box("+", [way[-1], early])
    layered([given, early, *way, end])
    assert early.column == end.column - 1


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs(seed):
    rng = np.random.default_rng(seed)
    boxes = []
    for number in range(int(rng.integers(5, 40))):
        chosen = rng.permutation(len(boxes))[: rng.integers(0, 3)]
        boxes.append(Box(f"{number}", [boxes[k] for k in chosen], not len(chosen)))
    read = {child for box in boxes for child in box.inputs}
    placed, height = layered(boxes)
    assert read <= {*placed} | {box for box in boxes if box.is_given}
    assert_apart(placed)
    assert height >= 0


def test_stories_cross_little():
    """A dense network, a recurrent and a residual one: forward without a crossing."""
    nets = {
        "dense": cr.Sequential(cr.Dense(2), cr.Sigmoid(), cr.Dense(1)),
        "residual": cr.Sequential(cr.Dense(3), cr.Residual(cr.Dense(3)), cr.Dense(1)),
    }
    stories = [
        cr.explain(
            cr.Model(net, "half_squared_error", cr.SGD(0.1), dtype="float64").build((2,)),
            np.ones((2, 2)),
            np.ones((2, 1)),
        )
        for net in nets.values()
    ]
    model, x, y = recurrent.model(recurrent.RNN(), last=True)
    for story in [*stories, cr.explain(model, x, y)]:
        forward, backward = map(layered, read_operations(story))
        assert_apart(forward[0])
        assert_apart(backward[0])
        assert crossings(forward[0]) == 0
        assert forward[1] < 5
        assert backward[1] < 8
