"""Held-out pictures have their colour channels in another order than training pictures.

## What is wrong
One side was read as BGR (OpenCV) and the other as RGB, or channels were flipped in one place only.

## Why it hurts
Colours mean something else in evaluation than in training: skies are orange, tomatoes blue. Figures
drop for no visible reason.

## How it is found
Mean and deviation of each channel as they enter the model, on both sides. In another order of its
channels the held-out side agrees with training within sampling error, as it is it does not; and the
trained model answers the same pictures better in that order.

## What to do
Convert where pictures are read (`cv2.cvtColor(x, cv2.COLOR_BGR2RGB)`), by one function for both sides.

## When it is a false alarm
Grey pictures, whose channels are alike; held-out pictures of other colours on purpose, which the
model does not answer better in another order.

## Sources
https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html (decoded pictures have channels in BGR order)
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import MismatchFact, SurveyFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

COLOURS = "RGB"


@dataclass(frozen=True, slots=True)
class Limits:
    """How far channels are apart as they are, and how near in another order."""

    own: float = limit(8.0, unit="standard errors", why="sampling moves a channel's mean by three")
    ordered: float = limit(5.0, unit="standard errors", why="the right order agrees within sampling")
    gain: float = limit(0.05, unit="accuracy", why="beyond what a few hundred pictures do by chance")
    sure: float = limit(0.3, unit="accuracy", why="no other order of colours does that unless it is the right one")
    asked: float = limit(50, unit="pictures", why="fewer cannot tell a gain")


@rule(
    "TL118",
    rung=1,
    severity=Severity.ERROR,
    needs=("surveys",),
    limits=Limits,
    explains=("TL601", "TL607", "TL121"),
    plants=(
        Plant(
            "coloured_tiles",
            "test_set = TensorDataset(x[2000:], y[2000:])",
            "test_set = TensorDataset(x[2000:].flip(1), y[2000:])",
        ),
        Plant(
            "coloured_tiles",
            "            right += (net(pictures).argmax(dim=1) == kinds).sum().item()",
            "            right += (net(pictures[:, [2, 1, 0]]).argmax(dim=1) == kinds).sum().item()",
        ),
    ),
    near_misses=(
        Plant(
            "coloured_tiles",
            "test_set = TensorDataset(x[2000:], y[2000:])",
            "test_set = TensorDataset(x[2000:].flip(3), y[2000:])",
        ),
        Plant("coloured_tiles", "x, y = draw(2500)", "x, y = draw(2500)\nx = x.flip(1)"),
    ),
)
def channel_order(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage whose held-out channels are in another order."""
    for survey in facts.surveys or ():
        for m in survey.mismatches:
            if _swapped(m, limits):
                yield _finding(m, survey)
                break


def _swapped(m: MismatchFact, limits: Limits) -> bool:
    if m.order in {(), (0, 1, 2)} or m.own_distance is None or m.order_distance is None:
        return False
    if m.own_distance < limits.own or m.asked < limits.asked or m.own_score is None or m.ordered_score is None:
        return False
    gain = m.ordered_score - m.own_score
    return gain >= limits.sure or (gain >= limits.gain and m.order_distance <= limits.ordered)


def _finding(m: MismatchFact, survey: SurveyFact) -> Finding:
    held = survey.held[m.held]
    order = "".join(COLOURS[c] for c in m.order)
    own, ordered = m.own_score or 0.0, m.ordered_score or 0.0
    what = "explained variance" if m.kind == "values" else "accuracy"
    what = what if survey.program else f"{what} of neighbours in training"
    return channel_order.finding(
        "held-out pictures have their channels in another order than training pictures",
        where=tuple(dict.fromkeys(p for p in (held.made, held.call) if p is not None)),
        seen=(
            Measurement(
                "largest distance of a channel's moments from training",
                round(m.own_distance or 0.0, 1),
                "standard errors",
                f"{m.order_distance or 0.0:.1f} in the order {list(m.order)}",
            ),
            Measurement(f"{what} on {m.asked} held-out pictures as they are", round(own, 3)),
            Measurement(f"the same with channels in the order {order} of what they are", round(ordered, 3)),
        ),
        fixes=(
            Fix(
                "read the pictures of both sides by one function",
                Trust.LIKELY,
                verified=True,
                before=Measurement(f"{what} on {m.asked} held-out pictures", round(own, 4)),
                after=Measurement(f"{what} with channels in training's order", round(ordered, 4)),
            ),
        ),
        phase=survey.phase,
    )
