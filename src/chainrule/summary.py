"""The table of a network: layers, output shapes, numbers of parameters."""

from typing import Any

from chainrule.layers import Layer, Sequential
from chainrule.layers.layer import output_shape, within

Arrays = dict[str, Any]
Shape = tuple[int, ...]


def summary(net: Layer, params: Arrays, state: Arrays, input_shape: Shape, dtype: Any) -> str:
    """One line for each layer of a `Sequential`, nested ones included, and the total."""
    rows = [("layer", "output", "parameters"), ("input", str(input_shape), "")]
    rows += _rows(net, params, state, input_shape, dtype, "")
    rows.append(("total", "", f"{_count(params):,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {count:>{widths[2]}}".rstrip()
        for name, shape, count in rows
    ]
    rule = "-" * (sum(widths) + 4)
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _rows(
    net: Layer, params: Arrays, state: Arrays, shape: Shape, dtype: Any, name: str
) -> list[tuple[str, str, str]]:
    if not isinstance(net, Sequential):
        shape = output_shape(net, params, state, shape, dtype)
        return [(f"{name}  {net!r}".strip(), str(shape), f"{_count(params):,}")]
    rows = []
    for child, layer in net.children():
        own, own_state = within(params, child), within(state, child)
        rows += _rows(layer, own, own_state, shape, dtype, f"{name}.{child}" if name else child)
        shape = output_shape(layer, own, own_state, shape, dtype)
    return rows


def _count(params: Arrays) -> int:
    return sum(int(value.size) for value in params.values())
