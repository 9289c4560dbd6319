"""The message alone suffices: what a finding says to write, put in its line, is right."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import chainrule as cr
from chainrule.checking.report import Report

SOURCE = """
import numpy as np

def forward(params, X):
    z1 = X @ params["W1"] + params["b1"]
    a1 = np.tanh(z1)
    return z1, a1, a1 @ params["W2"] + params["b2"]

def loss(params, X, y):
    return np.sum((forward(params, X)[2] - y) ** 2) / len(y)

def grads(params, X, y):
    z1, a1, out = forward(params, X)
    d2 = 2 * (out - y) / len(y)
    back = d2 @ params["W2"].T
    d1 = back * (1 - a1**2)
    W2 = a1.T @ d2
    b2 = d2.sum(axis=0)
    return {"W1": X.T @ d1, "b1": d1.sum(axis=0), "W2": W2, "b2": b2}

random = np.random.default_rng(3)
params = {"W1": random.normal(size=(2, 3)), "b1": random.normal(size=3),
          "W2": random.normal(size=(3, 3)), "b2": random.normal(size=3)}
X, y = random.normal(size=(3, 2)), random.normal(size=(3, 3))
"""
MISTAKES = {
    "no mean": ("2 * (out - y) / len(y)", "2 * (out - y)"),
    "mean twice": ("2 * (out - y) / len(y)", "2 * (out - y) / len(y) ** 2"),
    "no two": ("2 * (out - y) / len(y)", "(out - y) / len(y)"),
    "sign": ("2 * (out - y) / len(y)", "2 * (y - out) / len(y)"),
    "elementwise": ('d2 @ params["W2"].T', 'd2 * params["W2"].T'),
    "transposed": ('d2 @ params["W2"].T', 'd2 @ params["W2"]'),
    "no slope": ("back * (1 - a1**2)", "back * 1"),
    "wrong point": ("(1 - a1**2)", "(1 - z1**2)"),
    "not summed": ("d2.sum(axis=0)", "d2"),
    "wrong axis": ("d2.sum(axis=0)", "d2.sum(axis=1)"),
    "other operand": ("a1.T @ d2", "z1.T @ d2"),
    "extra term": ("a1.T @ d2", 'a1.T @ d2 + params["W2"]'),
}


def module(source: str, path: Path) -> ModuleType:
    path.write_text(source.lstrip(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def checked(source: str, path: Path) -> Report:
    code = module(source, path)
    return cr.check(loss=code.loss, grads=code.grads, params=code.params, data=(code.X, code.y))


def followed(source: str, line: int, said: str) -> str:
    """The source with a finding's own words carried out in its line, letter by letter."""
    lines = source.lstrip().split("\n")
    old, new = replacement(said)
    assert old in lines[line - 1], said
    head, _, right = lines[line - 1].partition(" = ")
    if head.strip() == old:  # the result of the whole line
        right, new = new.replace(old, right, 1), ""
    lines[line - 1] = f"{head} = {right.replace(old, new, 1) if new else right}"
    return "\n".join(lines)


def replacement(said: str) -> tuple[str, str]:
    """(text in the line, text to put there)."""
    if found := re.search(r"(?:Write|Put) `(.+?)`.* in the place of `(.+?)`\.", said):
        return found[2], f"({found[1]})"
    if found := re.search(r"(Multiply|Divide) `(.+?)` by (?:N = )?(-?\d+)", said):
        return found[2], f"({found[2]}) {'*' if found[1] == 'Multiply' else '/'} {found[3]}"
    if found := re.search(r"Multiply `(.+?)` by `(.+?)` \(", said):
        return found[1], f"({found[1]}) * ({found[2]})"
    found = re.search(r"Sum `(.+?)` with `(.+?)`\.", said)
    assert found is not None, said
    return f"{found[1]}.sum(axis=1)", f"{found[1]}.sum({found[2]})"


@pytest.mark.parametrize(("right", "wrong"), MISTAKES.values(), ids=MISTAKES)
def test_the_correction_as_it_is_written_is_right(right: str, wrong: str, tmp_path: Path) -> None:
    source = SOURCE.replace(right, wrong, 1)
    (finding,) = checked(source, tmp_path / "wrong.py").findings
    mended = followed(source, finding.line, finding.hints["fix"].partition("): ")[2])
    assert checked(mended, tmp_path / "mended.py").ok, mended
