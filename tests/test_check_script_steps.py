"""How steps of a script are found: rows in loops, sums in a statement, buffers, equal values."""

from pathlib import Path

import pytest

import chainrule as cr
from chainrule.checking.report import Report

DATA = """
import numpy as np
r = np.random.RandomState(1)
x = r.randn(6, 2)
t = r.randn(6, 1)
w = r.randn(2, 1)
b = np.zeros((1, 1))
"""

RIGHT = {
    "a momentum in the statement of the update": f"""{DATA}
before = np.zeros((2, 1))
for _ in range(8):
    y = x @ w
    loss = np.mean((y - t) ** 2)
    slope = 2 * x.T @ (y - t) / 6
    w = w - 0.1 * slope + 0.5 * before
    before = -0.1 * slope + 0.5 * before
""",
    "one number for a bias of one number": f"""{DATA}
for _ in range(8):
    y = x @ w + b
    loss = 0.5 * np.mean((y - t) ** 2)
    w = w - 0.1 * x.T @ (y - t) / 6
    b = b - 0.1 * (y - t).mean()
""",
    "gradients of two halves of the data are added up, and then set to zero": f"""{DATA}
dw, db = np.zeros_like(w), np.zeros_like(b)
for _ in range(8):
    loss = 0.5 * np.sum((x @ w + b - t) ** 2)
    for part in (slice(0, 3), slice(3, 6)):
        d = x[part] @ w + b - t[part]
        dw += x[part].T @ d
        db += d.sum()
    w -= 0.05 * dw
    b -= 0.05 * db
    dw[:] = 0
    db[:] = 0
""",
    "rows of a table after a matrix, in a loop": """
import numpy as np
r = np.random.RandomState(2)
table = r.randn(5, 2)
out = r.randn(2, 1)
for words, t in [((0, 3), 0.5), ((1, 2), -0.5), ((4, 0), 0.2), ((3, 2), 0.1)] * 3:
    h = sum(table[n] for n in words)
    y = h @ out
    loss = 0.5 * np.sum((y - t) ** 2)
    d = y - t
    dh = out @ d
    out -= 0.1 * np.outer(h, d)
    for n in words:
        table[n] -= 0.1 * dh
""",
    "one rating after the other": """
import numpy as np
r = np.random.RandomState(3)
people, films = r.rand(3, 2), r.rand(4, 2)
for i, j, stars in [(0, 1, 4.0), (0, 2, 1.0), (1, 1, 5.0), (2, 3, 2.0), (1, 0, 3.0)] * 3:
    e = people[i] @ films[j] - stars
    loss = 0.5 * e ** 2
    dp, df = e * films[j], e * people[i]
    people[i] -= 0.05 * dp
    films[j] -= 0.05 * df
""",
    "numbers of a list that begin as one object": """
w = [0.4, -0.3]
b = [0.0] * 2
for x in (0.5, 0.2, -0.4, 0.9):
    y = [w[k] * x + b[k] for k in range(2)]
    loss = sum(0.5 * (y[k] - (k + 1)) ** 2 for k in range(2))
    for k in range(2):
        d = y[k] - (k + 1)
        w[k] -= 0.1 * d * x
        b[k] -= 0.1 * d
""",
}

UNSET = f"""{DATA}
t, w, b = r.randn(6, 3), r.randn(2, 3), np.zeros(3)
dw, db = np.zeros_like(w), np.zeros_like(b)
for _ in range(8):
    d = x @ w + b - t
    loss = 0.5 * np.sum(d ** 2)
    dw += x.T @ d
    db += d.sum(axis=0)
    w -= 0.05 * dw
    b -= 0.05 * db
"""

QUARTERED = """
w = [0.1, -0.2]
data = [((1.0, 0.5), 0.3), ((-0.4, 0.8), 1.0), ((0.2, -1.0), 0.1), ((0.7, 0.7), -0.5)] * 2
for x, t in data:
    y = w[0] * x[0] + w[1] * x[1]
    loss = 0.5 * (y - t) ** 2
    for k in range(2):
        w[k] = w[k] - 0.1 * ((y - t) * x[k]) / 4
"""

CROSSED = """
from math import tanh
v = [[0.4, -0.3], [0.2, 0.7]]
u = [[0.1, 0.6], [-0.5, 0.3]]
for x, t in [((0.5, -1.0), (0.3, 0.1)), ((1.0, 0.4), (-0.2, 0.6)), ((-0.7, 0.2), (0.0, 0.5))] * 2:
    h = [tanh(v[i][0] * x[0] + v[i][1] * x[1]) for i in range(2)]
    y = [u[o][0] * h[0] + u[o][1] * h[1] for o in range(2)]
    loss = 0.5 * ((y[0] - t[0]) ** 2 + (y[1] - t[1]) ** 2)
    d = [y[0] - t[0], y[1] - t[1]]
    dh = []
    for i in range(2):
        dh.append((u[i][0] * d[0] + u[i][1] * d[1]) * (1 - h[i] ** 2))
    for o in range(2):
        for i in range(2):
            u[o][i] -= 0.1 * d[o] * h[i]
    for i in range(2):
        for k in range(2):
            v[i][k] -= 0.1 * dh[i] * x[k]
"""


def checked(tmp_path: Path, source: str) -> Report:
    script = tmp_path / "script.py"
    script.write_text(source.lstrip(), encoding="utf-8")
    return cr.check_script(script)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_script_passes(tmp_path: Path, name: str) -> None:
    report = checked(tmp_path, RIGHT[name])
    assert report.ok, report.text()


def test_a_buffer_that_nobody_sets_to_zero_is_a_term_too_much(tmp_path: Path) -> None:
    report = checked(tmp_path, UNSET)
    assert {finding.kind for finding in report.findings} == {"extra-term"}
    assert {finding.line for finding in report.findings} == {13, 14}
    assert set(report.errors) == {"w", "b"}


def test_crossed_indices_of_lists_are_a_transpose(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, CROSSED).findings
    assert (finding.kind, finding.line) == ("wrong-transpose", 11)
    assert finding.evidence < 1e-9
    assert "u[k][j] for u[j][k]" in finding.explanation


def test_what_is_off_in_all_parameters_is_at_the_line_of_their_update(tmp_path: Path) -> None:
    finding = checked(tmp_path, QUARTERED).findings[0]
    assert (finding.kind, finding.line) == ("wrong-constant-factor", 7)
    assert finding.explanation.startswith("line 7:")
    assert finding.hints["where"] == "Look at line 7."
