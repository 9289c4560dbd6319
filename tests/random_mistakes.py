"""Random networks with a hand-written backward pass, one random mistake in each, and the checker.

`python tests/random_mistakes.py 1000` prints what was not named and writes the table; a sample runs
with the tests. A network is source text: its depth, sizes, activations, loss, the orientation of
the samples and the way it is written are drawn. A mistake is one edit of one line. It counts as
named when the first finding or one of its alternatives is of this kind, or when the finding proves
to rounding that its own change makes the gradient right: an equivalent edit, stated as such.
"""

import linecache
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import chainrule as cr
from chainrule.checking.report import Report

RESULTS = Path(__file__).parent / "results" / "random_mistakes.md"
PROOF = 1e-9
WANTED = 0.95

FUNCTIONS = {
    "tanh": ("np.tanh({z})", "(1 - {a}**2)", "(1 - {z}**2)"),
    "sigmoid": ("1 / (1 + np.exp(-({z})))", "{a} * (1 - {a})", "{z} * (1 - {z})"),
    "relu": ("np.maximum({z}, 0)", "({z} > 0)", ""),
    "softplus": ("np.log1p(np.exp({z}))", "(1 - np.exp(-{a}))", ""),
}
LOSSES = {
    "half squares": ("0.5 * np.sum((out - y) ** 2) / N", "(out - y) / N"),
    "mean squares": ("np.mean((out - y) ** 2)", "2 * (out - y) / y.size"),
    "sum of squares": ("np.sum((out - y) ** 2)", "2 * (out - y)"),
    "cross-entropy of a sigmoid": (
        "np.sum(np.log(1 + np.exp(out)) - y * out) / N",
        "(1 / (1 + np.exp(-out)) - y) / N",
    ),
}


@dataclass(frozen=True)
class Case:
    """A program with a mistake, and what it is."""

    source: str
    kind: str
    line: int


def drawn(seed: int) -> Case:
    """The program of a seed."""
    dice = Random(seed)
    depth = dice.choice((1, 2, 2, 3))
    sizes = [dice.randint(2, 4) for _ in range(depth)] + [dice.randint(1, 3)]
    columns, penalty = dice.random() < 0.4, dice.random() < 0.3
    hidden = [dice.choice(list(FUNCTIONS)) for _ in range(depth - 1)]
    loss, delta = LOSSES[dice.choice(list(LOSSES))]
    samples = dice.randint(5, 8)
    forward, names = [], []
    for k in range(1, depth + 1):
        before = "X" if k == 1 else f"a{k - 1}"
        product = f"p['W{k}'] @ {before}" if columns else f"{before} @ p['W{k}']"
        forward.append(f"z{k} = {product} + p['b{k}']")
        if k < depth:
            forward.append(f"a{k} = " + FUNCTIONS[hidden[k - 1]][0].format(z=f"z{k}"))
        names += [f"W{k}", f"b{k}"]
    forward.append(f"out = z{depth}")
    backward = _backward(depth, columns, penalty, hidden, delta)
    place = dice.choice([i for i, (_, mutants) in enumerate(backward) if mutants])
    kind, text = dice.choice(backward[place][1])
    count = "X.shape[1]" if columns else "len(X)"
    lines = ["import numpy as np", f"rng = np.random.default_rng({seed})", "params = {"]
    for k in range(1, depth + 1):
        w = (sizes[k], sizes[k - 1]) if columns else (sizes[k - 1], sizes[k])
        b = (sizes[k], 1) if columns else (sizes[k],)
        lines.append(f"    'W{k}': rng.normal(size={w}), 'b{k}': rng.normal(size={b}),")
    shapes = [(sizes[0], samples), (sizes[-1], samples)]
    x, y = shapes if columns else [shape[::-1] for shape in shapes]
    lines += ["}", f"data = (rng.normal(size={x}), rng.uniform(0.1, 0.9, size={y}))", "lam = 0.2"]
    lines += ["def loss(p, X, y):", f"    N = {count}", *(f"    {line}" for line in forward)]
    extra = " + ".join(f"np.sum(p['W{k}'] ** 2)" for k in range(1, depth + 1))
    lines.append(f"    return {loss}" + (f" + lam * ({extra})" if penalty else ""))
    lines += ["def grads(p, X, y):", f"    N = {count}", *(f"    {line}" for line in forward)]
    first = len(lines) + 1
    for number, (right, _) in enumerate(backward):
        lines.append("    " + (text if number == place else right))
    lines.append("    return {" + ", ".join(f"'{n}': d{n}" for n in names) + "}")
    return Case("\n".join(lines) + "\n", kind, first + place)


def _backward(
    depth: int, columns: bool, penalty: bool, hidden: list[str], delta: str
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each line of the backward pass, and what may stand there by mistake."""
    start = f"d{depth} = {delta}"
    mutants = [("wrong-sign", f"d{depth} = -({delta})")]
    mutants.append(("wrong-constant-factor", f"d{depth} = 3 * ({delta})"))
    if "/ N" in delta:
        mutants.append(("missing-mean", start.replace(" / N", "")))
        mutants.append(("mean-twice", start + " / N"))
    lines = [(start, mutants)]
    for k in range(depth, 0, -1):
        before = "X" if k == 1 else f"a{k - 1}"
        product = f"d{k} @ {before}.T" if columns else f"{before}.T @ d{k}"
        term = f" + 2 * lam * p['W{k}']" if penalty else ""
        right = f"dW{k} = {product}{term}"
        mutants = [
            ("wrong-sign", f"dW{k} = -({product}){term}"),
            ("wrong-constant-factor", f"dW{k} = 0.5 * ({product}){term}"),
        ]
        if penalty:
            mutants.append(("missing-term", f"dW{k} = {product}"))
            mutants.append(("wrong-constant-factor", f"dW{k} = {product} + lam * p['W{k}']"))
        if k > 1:
            mutants.append(("wrong-operand", right.replace(f"a{k - 1}", f"z{k - 1}")))
        lines.append((right, mutants))
        axis = "axis=1, keepdims=True" if columns else "axis=0"
        total = f"db{k} = d{k}.sum({axis})"
        mutants = [
            ("mean-twice", f"db{k} = d{k}.mean({axis})"),
            ("bias-not-summed", f"db{k} = d{k}"),
            ("wrong-sign", f"db{k} = -d{k}.sum({axis})"),
        ]
        if penalty:
            mutants.append(("extra-term", f"{total} + 2 * lam * p['b{k}']"))
        lines.append((total, mutants))
        if k > 1:
            lines.append(_through(k, columns, hidden[k - 2]))
    return lines


def _through(k: int, columns: bool, name: str) -> tuple[str, list[tuple[str, str]]]:
    """The error carried back through an activation."""
    carried = f"p['W{k}'].T @ d{k}" if columns else f"d{k} @ p['W{k}'].T"
    _, slope, wrong = FUNCTIONS[name]
    names = {"a": f"a{k - 1}", "z": f"z{k - 1}"}
    right = f"d{k - 1} = ({carried}) * ({slope.format(**names)})"
    mutants = [
        ("missing-activation-derivative", f"d{k - 1} = {carried}"),
        ("activation-derivative-twice", f"{right} * ({slope.format(**names)})"),
        ("wrong-sign", right.replace("= (", "= -(", 1)),
    ]
    if name == "relu":
        mutants = [mutants[0], mutants[2]]  # twice a mask is the mask
    if wrong:
        point = f"d{k - 1} = ({carried}) * ({wrong.format(**names)})"
        mutants.append(("derivative-at-wrong-point", point))
        other = FUNCTIONS["sigmoid" if name == "tanh" else "tanh"][1].format(**names)
        mutants.append(("wrong-activation-derivative", f"d{k - 1} = ({carried}) * ({other})"))
    return right, mutants


def report_of(case: Case, seed: int) -> Report:
    """The checker's answer."""
    name = f"/random/{seed}.py"
    linecache.cache[name] = (len(case.source), None, case.source.splitlines(True), name)
    space: dict = {"__name__": f"random{seed}"}
    exec(compile(case.source, name, "exec"), space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cr.check(
            loss=space["loss"], grads=space["grads"], params=space["params"], data=space["data"]
        )


def outcome(case: Case, report: Report) -> str:
    """ "named", "equivalent", "missed", or "passed" where the mistake does not show."""
    if report.ok:
        return "passed"
    first = report.findings[0]
    kinds = {first.kind, *(other.kind for other in first.alternatives)}
    if case.kind in kinds:
        return "named"
    proved = len(report.findings) == 1 and first.evidence <= PROOF and first.kind != "unexplained"
    return "equivalent" if proved else "missed"


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    results: Counter[str] = Counter()
    lines, began = 0, time.process_time()
    for seed in range(count):
        case = drawn(seed)
        report = report_of(case, seed)
        result = outcome(case, report)
        results[result] += 1
        lines += not report.ok and report.findings[0].line == case.line
        if result in ("missed", "passed"):
            said = " + ".join(f"{f.kind}@{f.line}" for f in report.findings) or "ok"
            print(f"{seed}: {case.kind}@{case.line} | {said}", flush=True)
    share = (results["named"] + results["equivalent"]) / count
    seconds = (time.process_time() - began) / count
    text = [
        "# Random networks with random mistakes",
        "",
        f"Written by `python tests/random_mistakes.py {count}`; what counts, its docstring says.",
        "",
        "| programs | named | an equivalent edit, proved | missed | passed | line | each |",
        "|---:|---:|---:|---:|---:|---:|---:|",
        f"| {count} | {results['named']} | {results['equivalent']} | {results['missed']} "
        f"| {results['passed']} | {lines / count:.1%} | {seconds:.2f} s |",
    ]
    print("\n".join(text))
    if count >= 1000:
        RESULTS.write_text("\n".join(text) + "\n", encoding="utf-8")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    raise SystemExit(main())
