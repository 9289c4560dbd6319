"""onnxruntime: predictions of dense networks, as a graph of Gemm and activation nodes."""

from typing import Any

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from chainrule.bench.peers import LeftOut
from chainrule.bench.rows import Row, samples, weights

ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
OPSET, IR = 17, 8  # old enough for every runtime of the last years


def graph(row: Row) -> bytes:
    """The row as a serialised ONNX model; LeftOut unless it is dense."""
    nodes: list[Any] = []
    found = weights(row)
    for place, part in enumerate(row.parts):
        into, out = [f"v{place}"], [f"v{place + 1}"]
        if part[0] == "dense":
            into += [f"{place}.weight", f"{place}.bias"]
            nodes.append(helper.make_node("Gemm", into, out))
        elif part[0] in ACTIVATIONS:
            nodes.append(helper.make_node(ACTIVATIONS[part[0]], into, out))
        else:
            raise LeftOut("written for dense networks only")
    ends = [
        helper.make_tensor_value_info(f"v{place}", TensorProto.FLOAT, [None, width])
        for place, width in ((0, row.input[0]), (len(row.parts), row.shapes()[-1][0]))
    ]
    held = [numpy_helper.from_array(value, name) for name, value in found.items()]
    made = helper.make_graph(nodes, row.name, ends[:1], ends[1:], held)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opset, ir_version=IR)
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


class Prediction:
    unit = 1

    def __init__(self, row: Row, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        self._x, _ = samples(row)
        self._session = onnxruntime.InferenceSession(graph(row), options)
        self._wanted = [f"v{len(row.parts)}"]

    def restart(self) -> None: ...

    def run(self, steps: int) -> Any:
        x, run, wanted = self._x, self._session.run, self._wanted
        for _ in range(steps):
            result = run(wanted, {"v0": x})[0]
        return result

    def parity(self, steps: int) -> list[float]:
        found: list[float] = self.run(1)[:5, 0].tolist()
        return found


def predict(row: Row, threads: int, way: str) -> Prediction:
    return Prediction(row, threads)
