"""All steps of a page, one under the other: formula, sentence, numbers, shapes."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from chainrule.explaining import labels
from chainrule.explaining.changes import SUMMARY_HEAD, SUMMARY_NOTE, most_moved, rule, summary
from chainrule.explaining.page.equations import LONGEST, equations
from chainrule.explaining.page.glossary import Term, first_terms, terms_of
from chainrule.explaining.page.matrices import products_of
from chainrule.explaining.page.overview import counting
from chainrule.explaining.samples import applied_by_the_loss
from chainrule.explaining.story import NOT_YET, PHASES
from chainrule.explaining.text import HEADINGS as PHASE_HEADINGS
from chainrule.explaining.text import rows_of, shape_text
from chainrule.tex import mathml, number

if TYPE_CHECKING:
    from chainrule.explaining.story import Step, Story

COLUMNS = 84  # of numbers in a step


def steps_of(story: "Story") -> Iterator[str]:
    yield f'<section class="steps"><h2>All steps</h2>{counting(story)}'
    terms = [found for _, found in first_terms(story)]
    place = 0
    for phase in PHASES:
        steps = story.phase(phase)
        if not steps:
            continue
        yield f'<h3 class="{phase}">{escape(PHASE_HEADINGS[phase])}</h3>'
        if phase == "given":
            yield _given(story, steps)
            yield _terms([term for found in terms[: len(steps)] for term in found])
            place += len(steps)
            continue
        if phase == "forward":
            yield f"<p>{labels.which_sample(story)}</p>"
        if phase == "update":
            yield _rule(story)
        for step in steps:
            yield _step(story, step, place, terms[place])
            place += 1
    yield f"{_summary(story)}</section>"


def _rule(story: "Story") -> str:
    """The optimizer's rule, where it is more than a step against the gradient."""
    told, lines = rule(story)
    shown = "".join(f'<div class="formula">{mathml(line, display=True)}</div>' for line in lines)
    return f"<p>{escape(told)}</p>{shown}" if lines else ""


def _summary(story: "Story") -> str:
    """Every parameter in a line, and which number moves most."""
    head = "".join(f'<th scope="col">{name}</th>' for name in SUMMARY_HEAD)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in summary(story, True, NOT_YET)
    )
    moved = most_moved(story)
    return (
        f'<h3>All parameters</h3><div class="scroll"><table class="summary"><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div><p class=soft>{escape(SUMMARY_NOTE)}</p>"
        + (f"<p>{escape(moved)}</p>" if moved else "")
    )


def _terms(found: list[Term]) -> str:
    """What the signs mean that stand here for the first time."""
    rows = "".join(
        f"<div><dt>{escape(shown)}</dt><dd>{escape(meaning)}</dd></div>" for shown, meaning in found
    )
    return f'<dl class="terms">{rows}</dl>' if rows else ""


def _given(story: "Story", steps: "Sequence[Step]") -> str:
    rows = "".join(
        f"<tr><th scope=row>{mathml(step.symbol)}</th><td>{shape_text(step.value.shape)}</td>"
        f"<td><pre>{escape(_rows(step.value))}</pre>{_named(story, step)}</td><td class=soft>"
        f"{escape(step.key if step.layer else '')}</td></tr>"
        for step in steps
    )
    return f'<div class="scroll"><table class="given">{rows}</table></div>'


def _named(story: "Story", step: "Step") -> str:
    named = labels.given(story, step)
    return f"<p>{escape(named)}</p>" if named else ""


def _rows(value: Any) -> str:
    return "\n".join(rows_of(value, COLUMNS))


def _step(story: "Story", step: "Step", place: int, terms: list[Term]) -> str:
    meaning = f" = {step.meaning}" if step.meaning else ""
    formula = mathml(f"{step.symbol}{meaning} = {step.formula}", display=True)
    single = step.value.size == 1
    result = (
        number(float(step.value[step.index])) if step.value.size and (step.index or single) else ""
    )
    numbers = ""
    if step.numbers and len(step.numbers) < LONGEST:
        end = "" if step.numbers == result else f" = {result}"
        numbers = mathml(f"{step.entry} = {step.numbers}{end}", display=True)
    inside = f'<div class="scroll inside">{equations(step.lines)}</div>' if step.lines else ""
    shapes = "".join(
        f"<span>{mathml(latex)} {shape_text(shape) or 'one number'}</span>"
        for latex, shape in step.shapes
    )
    table = _probabilities(story, step) if single else f"<pre>{escape(_rows(step.value))}</pre>"
    products = "".join(products_of(story, step))
    if products:
        products = f"<details><summary>The product, cell by cell</summary>{products}</details>"
    what = "result" if step.phase != "backward" else "gradient"
    return (
        f'<article class="step {step.phase}" id="step-{place}" data-step="{place}">'
        f"<header><span class=count>{place + 1 - len(story.phase('given'))}</span>"
        f"<div class=formula>{formula}</div>"
        f"<span class=soft>{escape(step.place)}</span></header>"
        f"<p>{escape(step.sentence)}</p>{inside}{_terms(terms)}"
        f'<div class="known"><div class="formula">{numbers}</div>{table}{products}</div>'
        f'<p class="unknown" hidden>{what}: {NOT_YET}</p>'
        f'<p class="shapes">{shapes}</p></article>'
    )


def _probabilities(story: "Story", step: "Step") -> str:
    """Beside the loss: what it makes of the logits of every sample."""
    short = applied_by_the_loss(story)
    if short is None or step.phase != "loss" or step.quantity.kind != "loss":
        return ""
    name = mathml(short.latex.format(story.names.symbols[short.node].latex))
    return f"<p>{name}, one row a sample:</p><pre>{escape(_rows(short.prediction_value))}</pre>"


def glossary(story: "Story") -> Iterator[str]:
    yield (
        '<section><details class="glossary"><summary>What the signs mean, in one place</summary>'
        f"{_terms(terms_of(story))}</details></section>"
    )
