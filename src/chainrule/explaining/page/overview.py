"""The head of a page: the loss, sample by sample, what moves, and whether gradients are right."""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from chainrule.explaining.changes import loss_after, most_moved
from chainrule.explaining.differences import Differences, told
from chainrule.explaining.doubled import LossOfParameters
from chainrule.explaining.samples import counts_classes, samples
from chainrule.explaining.silent import silent
from chainrule.tex import figure

if TYPE_CHECKING:
    from chainrule.explaining.story import Story

MOST_ROWS = 8  # samples in the table: of more, those with the largest losses
HEAD = ("sample", "target", "answer", "certainty", "", "own loss", "share")


def overview(
    story: "Story", loss: LossOfParameters | None, compared: Differences | None
) -> Iterator[str]:
    """What one wants to know before the first step."""
    yield (
        '<section id="overview" class="card"><h2>In short</h2>'
        f"{counting(story)}<div><p>The loss is {figure(story.loss, 6)}.</p>"
    )
    yield from _table(story)
    yield "</div><div>"
    moved = most_moved(story) if story.record.updates else ""
    told_after = loss_after(story, loss) if loss is not None and story.record.updates else ""
    checked = told(story, compared) if compared else ""
    for text in (moved, told_after, silent(story), checked):
        if text:
            yield f"<p>{escape(text)}</p>"
    yield "</div></section>"


def counting(story: "Story") -> str:
    """From where things are counted: what every index on the page is read by."""
    classes = "classes and " if counts_classes(story) else ""
    return (
        '<p class="counting"><b>Counting.</b> Samples, units, rows and columns count from 1; '
        f"{classes}names in Python, such as <code>0.weight</code>, count from 0.</p>"
    )


def _table(story: "Story") -> Iterator[str]:
    found = samples(story)
    if not found:
        return
    shown = found
    if len(found) > MOST_ROWS:
        shown = sorted(found, key=lambda row: (-(row.share or 0.0), row.place))[:MOST_ROWS]
    rows = [
        (
            str(row.place + 1),
            row.target,
            row.answer,
            row.certainty,
            row.right,
            "" if row.loss is None else figure(row.loss),
            "" if row.share is None else f"{row.share:.1%}",
        )
        for row in shown
    ]
    used = [place for place in range(len(HEAD)) if any(row[place] for row in rows)]
    head = "".join(f'<th scope="col">{HEAD[place]}</th>' for place in used)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(row[place])}</td>' for place in used)}</tr>" for row in rows
    )
    yield (
        '<div class="scroll"><table class="summary samples"><thead><tr>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    note = []
    if len(shown) < len(found):
        note.append(f"{len(shown)} of {len(found):,} samples: those with the largest losses.")
    judged = [row.right for row in found if row.right]
    if judged:
        note.append(f"{judged.count('right'):,} of {len(judged):,} answers are right.")
    if note:
        yield f'<p class="soft">{" ".join(note)}</p>'
