"""Products with rows of a table, where the table has fewer rows than are picked from it.

An embedding before a layer multiplies the same few rows again and again. The products of the table
itself are fewer: Gather(table) · W = Gather(table · W), and going back, what belongs to one row is
added up before it is multiplied.

The gradient of a bias behind it is the sum of all of that, so it follows from the sums by row.
"""

from collections.abc import Sequence
from math import prod

from chainrule.graph import Graph, Node, input_node, ordered, rewrite, substitute
from chainrule.ops.products import LETTERS, parts
from chainrule.window_rules import made


def product_of_rows(node: Node) -> Node | None:
    """Contract over Gather: Gather over Contract, or Contract over ScatterAdd."""
    left, right, out = parts(node.params["spec"])
    for place, letters in enumerate((left, right)):
        picked, other = node.inputs[place], node.inputs[1 - place]
        if picked.op.name != "gather" or not _repeats(*picked.inputs):
            continue
        theirs = (right, left)[place]
        table, index = picked.inputs
        at, rest = _divided(letters, index)
        row = next(x for x in LETTERS if x not in letters + theirs)
        if all(x in out and x not in theirs for x in at):
            inner = "".join(x for x in out if x not in at)
            spec = f"{row}{rest},{theirs}->{row}{inner}"
            product = made("contract", (table, other), node, spec=spec)
            # The index is turned rather than the rows, as far as that goes: it is smaller.
            first = "".join(x for x in out if x in at)
            found = made("gather", (product, _transposed(index, at, first, node)), node)
            return _transposed(found, first + inner, out, node)
        if all(x in theirs and x not in out for x in at):
            inner = "".join(x for x in theirs if x not in at)
            sums = _scattered(node, index, other, theirs, at, table.shape[0])
            spec = f"{row}{rest},{row}{inner}->{out}"
            return made("contract", (table, sums), node, spec=spec)
    return None


def sum_of_products(node: Node) -> Node | None:
    """ScatterAdd over Contract: Contract over ScatterAdd, of the factor that has the rows."""
    index, product = node.inputs
    if product.op.name != "contract" or node.params["rows"] >= prod(index.shape):
        return None
    left, right, out = parts(product.params["spec"])
    at, rest = _divided(out, index)
    for place, letters in enumerate((left, right)):
        theirs = (right, left)[place]
        if not at or any(x not in letters or x in theirs for x in at):
            continue
        other = product.inputs[1 - place]
        inner = "".join(x for x in letters if x not in at)
        # Fewer numbers must be added up than the product has, or adding them costs more.
        if _size(product.inputs[place], letters, inner) > 16 * prod(node.shape[1:]):
            continue
        sums = _scattered(node, index, product.inputs[place], letters, at, node.params["rows"])
        row = at[0]
        return made("contract", (sums, other), node, spec=f"{row}{inner},{theirs}->{row}{rest}")
    return None


def totals_of_rows(outputs: Sequence[Node]) -> list[Node]:
    """The same outputs, where the sum of what ScatterAdd adds up by row is that of its rows."""
    scattered: dict[tuple[Node, tuple[int, ...]], Node] = {}
    nodes = ordered(outputs)
    for node in nodes:
        if node.op.name == "scatter_add":
            index, updates = node.inputs
            if node.params["rows"] < prod(index.shape):
                scattered[updates, tuple(range(index.ndim))] = node
    if not scattered:
        return list(outputs)
    known = {
        node: made("sum", (rows,), node, axes=(0,))
        for node in nodes
        if node.op.name == "sum"
        and (rows := scattered.get((node.inputs[0], node.params["axes"]))) is not None
    }
    return substitute(outputs, known) if known else list(outputs)


def map_of_rows(node: Node) -> Node | None:
    """Map over Gather: Gather over Map, where the other operands are the same for every row."""
    picked = [child for child in node.inputs if child.op.name == "gather"]
    if len(picked) != 1 or not _repeats(*picked[0].inputs):
        return None
    table, index = picked[0].inputs
    if node.shape != picked[0].shape:
        return None
    others = [child for child in node.inputs if child is not picked[0]]
    if any(child.ndim >= table.ndim for child in others):
        return None
    inputs = [table if child is picked[0] else child for child in node.inputs]
    mapped = made(node.op.name, inputs, node, **node.params)
    return made("gather", (mapped, index), node)


def rows_picked_in_loop(node: Node) -> Node | None:
    """A loop over rows that were picked for all its steps: it picks those of each step itself.

    The table stays in the caches, where the rows of all steps together would not.
    """
    body: Graph = node.params["body"]
    count = node.params["constants"]
    split = count + node.params["carries"]
    picked = [
        place
        for place in range(split, len(node.inputs))
        if node.inputs[place].op.name == "gather" and _repeats(*node.inputs[place].inputs)
    ]
    if not picked:
        return None
    outer, inner = list(node.inputs), list(body.inputs)
    known: dict[Node, Node] = {}
    tables, places = [], []
    for place in picked:
        table, index = node.inputs[place].inputs
        name = body.inputs[place].params["name"]
        rows = input_node(f"{name}, table", table.shape, table.dtype)
        at = input_node(f"{name}, index", index.shape[1:], index.dtype)
        known[body.inputs[place]] = made("gather", (rows, at), body.inputs[place])
        outer[place], inner[place] = index, at
        tables.append(table)
        places.append(rows)
    moved = rewrite(body.outputs, lambda found: found, known)
    new = Graph(
        body.name,
        (*inner[:count], *places, *inner[count:]),
        tuple(moved[out] for out in body.outputs),
    )
    params = {**node.params, "body": new, "constants": count + len(tables)}
    return made("loop", (*outer[:count], *tables, *outer[count:]), node, **params)


def _repeats(table: Node, index: Node) -> bool:
    return table.shape[0] < prod(index.shape)


def _divided(letters: str, index: Node) -> tuple[str, str]:
    """The letters of an index's axes, and those of the rows'."""
    return letters[: index.ndim], letters[index.ndim :]


def _size(node: Node, letters: str, chosen: str) -> int:
    return prod(node.shape[letters.index(x)] for x in chosen)


def _scattered(node: Node, index: Node, updates: Node, letters: str, at: str, rows: int) -> Node:
    """Updates added up by row; the index is brought into the updates' order, being smaller."""
    first = "".join(x for x in letters if x in at)
    inner = "".join(x for x in letters if x not in at)
    turned = _transposed(index, at, first, node)
    leading = _transposed(updates, letters, first + inner, node)
    return made("scatter_add", (turned, leading), node, rows=rows)


def _transposed(x: Node, letters: str, wanted: str, like: Node) -> Node:
    if letters == wanted:
        return x
    axes = tuple(letters.index(letter) for letter in wanted)
    return made("transpose", (x,), like, axes=axes)
