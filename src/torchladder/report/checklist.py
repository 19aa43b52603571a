"""What to have seen before a long run, in seven points, each ticked by what a climb has measured."""

from dataclasses import dataclass

from rich.text import Text

from torchladder.core.findings import Severity
from torchladder.core.report import Report, RungResult, State
from torchladder.report.layout import Lines, wrapped
from torchladder.report.terminal import model_words
from torchladder.report.text import clean, number

GRADIENT_RULES = ("TL207", "TL208", "TL209", "TL210", "TL211", "TL212", "TL213", "TL306", "TL307")
NEAR = 0.25  # of chance, by which a first loss may differ
MARKS = {True: ("[x]", "green"), False: ("[!]", "bold red"), None: ("[ ]", "yellow")}


@dataclass(frozen=True)
class Point:
    """One point: whether it holds (None: not known), and the figures."""

    question: str
    holds: bool | None
    words: str


def points(report: Report) -> list[Point]:
    """Return the seven points of a climb to rung 5."""
    by_number = {r.rung: r for r in report.rungs}
    return [
        _rung("the data are what they should be", by_number.get(1)),
        _model(report),
        _shapes(by_number.get(2)),
        _first_loss(by_number.get(2)),
        _gradients(report),
        _rung("one batch can be memorised", by_number.get(3)),
        _rung("the learning rate is one that works", by_number.get(5)),
    ]


def _rung(question: str, rung: RungResult | None) -> Point:
    if rung is None or rung.state is State.SKIPPED:
        return Point(question, None, "not reached")
    holds = {State.PASSED: True, State.FAILED: False}.get(rung.state)
    return Point(question, holds, rung.summary)


def _first_loss(rung: RungResult | None) -> Point:
    """Return the point about the loss, which another fault of its rung does not spoil."""
    question = "the loss before training is that of a guess"
    loss, chance = (rung.facts.get(k) for k in ("loss_at_step_0", "chance")) if rung is not None else (None, None)
    if loss is None or not chance:
        return _rung(question, rung)
    return Point(question, abs(loss - chance) <= NEAR * chance, f"{number(loss)}; chance is {number(chance)}")


def _model(report: Report) -> Point:
    question = "the model has the parameters you mean it to have"
    words = model_words(report)
    share = next((r.facts.get("trainable_share") for r in report.rungs if r.facts.get("parameters")), None)
    return Point(question, None if words is None or share is None else share > 0, words or "no model was seen")


def _shapes(rung: RungResult | None) -> Point:
    question = "a batch goes in and comes out in the right shape"
    shapes = [rung.facts.get(k) for k in ("input_shape", "output_shape")] if rung is not None else []
    if not shapes or not all(shapes):
        return Point(question, None, "not seen")
    return Point(question, True, f"{shapes[0]} -> {shapes[1]}")


def _gradients(report: Report) -> Point:
    question = "a gradient reaches every parameter, and is finite"
    found = [f for f in report.findings if f.code in GRADIENT_RULES and f.severity is not Severity.NOTE]
    if found:
        return Point(question, False, f"{found[0].name}: {found[0].message}")
    clear = {code for r in report.rungs for code in r.clear} & set(GRADIENT_RULES)
    if not clear:
        return Point(question, None, "not seen")
    return Point(question, True, f"{len(clear)} rules about gradients looked and found nothing")


def lines(report: Report, width: int) -> Lines:
    """Yield the list as a terminal shows it."""
    listed = points(report)
    for n, point in enumerate(listed, 1):
        mark, style = MARKS[point.holds]
        head = Text("  ")
        head.append(mark, style)
        yield from wrapped(head + Text(f" {n} "), Text(point.question, "bold"), width)
        yield from wrapped(Text(" " * 8), Text(clean(point.words), "dim"), width)
    done = sum(p.holds is True for p in listed)
    yield Text()
    yield from wrapped(Text("  "), Text(_closing(listed, done)), width)


def _closing(listed: list[Point], done: int) -> str:
    if done == len(listed):
        return f"all {done} points hold: start the long run, with an eye on it: torchladder watch"
    wrong = sum(p.holds is False for p in listed)
    words = f"{done} of {len(listed)} points hold"
    return f"{words}, {wrong} do not; see the report below" if wrong else f"{words}; the others could not be judged"
