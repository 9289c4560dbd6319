"""Recording NumPy code: `trace(f, *example_arguments)` gives the Graph of what f computes.

recording   the session: the user's line, captured arrays, watched dice
refusals    what cannot be recorded, and what to write instead
value       the traced value: NumPy's protocols, in-place semantics
indexing, selection, elementary, reducing, shaping, choosing, filling, formulas, products,
methods, makers
            NumPy's surface
function    a function to a graph
"""

from chainrule.tracing import formulas, makers, methods, products, selection
from chainrule.tracing.elementary import traced
from chainrule.tracing.function import trace, trace_call
from chainrule.tracing.recording import is_recording, recording
from chainrule.tracing.value import Traced, as_node, wrap

__all__ = [
    "Traced",
    "as_node",
    "formulas",
    "is_recording",
    "makers",
    "methods",
    "products",
    "recording",
    "selection",
    "trace",
    "trace_call",
    "traced",
    "wrap",
]
