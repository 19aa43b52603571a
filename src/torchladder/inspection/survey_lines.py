"""What the survey found, beside what sound data has, one line a check."""

from collections.abc import Iterator

from torchladder.core.data_facts import SurveyFact
from torchladder.core.facts import Facts
from torchladder.core.shift_facts import ShiftFact
from torchladder.inspection.line import Line
from torchladder.rules.data.distribution_shift import WHAT

ALONE = "there is no held-out side"
PROGRAM = "needs a program's transforms and loaders: data check --from SCRIPT"
STANDING = 0.8  # accuracy below which a model has no standing to contradict a label, as the rule has it
PREDICTIONS = "no predictions were named (--predictions)"
SHIFTS = {
    "covariate": ("sides told apart by inputs", "area {:.2f}", "about 0.5"),
    "label": ("class shares of the sides", "{:.1%} apart", "below 10%"),
    "concept": ("answers to equal inputs", "{:.1%} accuracy lost", "below 15%"),
    "predictions": ("labels beside predictions", "{:.1%} gained by reading them anew", "below 15%"),
    "temporal": ("early told from late samples", "area {:.2f}", "about 0.5"),
}


def lines(facts: Facts) -> Iterator[Line]:
    """Yield a line for each rule that judges the survey."""
    survey = next((s for s in facts.surveys or () if not s.program), None)
    if survey is None:
        return
    yield _labels(survey)
    yield _noise(survey)
    yield _stump(survey)
    yield from _scale(survey)
    yield from _shifts(facts)
    yield Line("augmentation and workers", ("TL116", "TL117", "TL119"), None, None, PROGRAM)


def _labels(survey: SurveyFact) -> Line:
    check, train = "labels against samples", survey.train
    if train.neighbour_score is None:
        why = "there are no labels" if train.classes is None else "too few samples of each class"
        return Line(check, ("TL104",), None, None, why)
    chance = train.neighbour_chance or 0.0
    what = f"{train.neighbour_score:.0%} of neighbours agree" if train.classes else f"r = {train.neighbour_score:.2f}"
    return Line(check, ("TL104",), what, f"above chance, {chance:.0%}" if train.classes else "above 0")


def _noise(survey: SurveyFact) -> Line:
    found = {n.side: n for n in survey.noise}
    if -1 not in found:
        why = "only classes can be judged" if survey.train.classes is not True else "too few samples of each class"
        return Line("labels that look wrong", ("TL120",), None, None, why)
    if max(n.accuracy for n in found.values()) < STANDING:
        why = f"the small model that doubts them is right in {found[-1].accuracy:.0%} only"
        return Line("labels that look wrong", ("TL120",), None, None, why)
    value = f"{found[-1].estimated:.1%} of training" + (f", {found[0].estimated:.1%} held out" if 0 in found else "")
    # Hard samples look wrong as well, and do so on both sides.
    return Line("labels that look wrong", ("TL120",), value, "as few as held out" if 0 in found else "below 8%")


def _stump(survey: SurveyFact) -> Line:
    s = survey.stump
    if s is None:
        return Line(
            "one column for the target", ("TL113",), None, None, "no table of three columns or more with labels"
        )
    return Line(
        "one column for the target", ("TL113",), f"best {s.alone:.2f}, all others {s.rest:.2f}", "others as good"
    )


def _scale(survey: SurveyFact) -> Iterator[Line]:
    if not survey.mismatches:
        why = "samples have no scale" if survey.held else ALONE
        yield Line("scale of held-out inputs", ("TL114", "TL118"), None, None, why)
        return
    worst = max(survey.mismatches, key=lambda m: m.apart)
    value = f"{worst.scale:.2g} times that of training"
    if worst.order not in {(), (0, 1, 2)} and (worst.own_distance or 0) > (worst.order_distance or 0):
        value += f", channels best as {list(worst.order)}"
    yield Line("scale of held-out inputs", ("TL114", "TL118"), value, "1")


def _shifts(facts: Facts) -> Iterator[Line]:
    rows: dict[str, ShiftFact] = {}
    for s in facts.shifts or ():
        kind = s.kind if s.by == "probe" else s.by
        known = rows.get(kind)
        if known is None or (s.effect or 0.0) > (known.effect or 0.0):
            rows[kind] = s
    if not any(kind != "temporal" for kind in rows):
        yield Line("sides told apart by inputs", ("TL121",), None, None, ALONE)
        return
    for kind, (check, form, expected) in SHIFTS.items():
        if kind in rows:
            effect = rows[kind].effect
            value, said = None if effect is None else form.format(effect), WHAT[rows[kind].kind]
            yield Line(check, ("TL121",), value, expected, rows[kind].why, said)
    if "predictions" not in rows:
        yield Line(SHIFTS["predictions"][0], ("TL121",), None, None, PREDICTIONS)
