"""One column of the table gives the answer away.

## What is wrong
A column was made from the target, or is only written down once the outcome is known: a duration that
exists for failures alone, an account closed after the fraud, an identifier that encodes the class.

## Why it hurts
The model learns that column and little else. Held-out figures are near perfect, since the column is
there too; in use it is empty, and the model fails.

## How it is found
Each column is cut into bins that predict the target by themselves, out of fold. One column is (nearly)
always right; all others together, by a linear probe or by neighbours, do clearly better than guessing
and clearly worse than that column alone. A column that is the label itself needs less proof, however well the others
do: as many values as there are classes, each beside one of them (codes for names); the label on another scale, or in
the same order to the last tie (a price in another currency, its logarithm); two to four columns that add up to it
(casual and registered customers, where all customers are asked for); an indicator of each class.

## What to do
Ask when the column is filled in. Leave it out unless it is known before the moment of prediction.

## When it is a false alarm
An honestly decisive measurement. A made-up task whose target is a function of one column: the others
then tell nothing, and the rule stays silent. So it does where the label is the sum of all columns, or where one
column marks one of several classes, as feathers do birds.

## Sources
Kaufman, Rosset, Perlich, Leakage in Data Mining, 2012.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.data_facts import StumpFact, SurveyFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

WORDS = {
    None: "alone predicts the target, all others together do not",
    "names": "is the label under other names",
    "scale": "is the label on another scale",
    "order": "has the label's order to the last tie: it was made from it",
    "sum": "add up to the label",
    "indicators": "mark the classes of the label one by one",
}


LEAVE = {
    False: "leave the column out unless it is known before the moment of prediction",
    True: "leave the columns out unless they are known before the moment of prediction",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How good one column is, and how good the others are."""

    alone: float = limit(0.985, unit="score", why="no honest measurement of a hard outcome is right this often")
    rest: float = limit(0.95, unit="score", why="where all columns do well the task is easy")
    gap: float = limit(0.06, unit="score", why="the column must know what the others do not")
    above: float = limit(0.04, unit="score", why="others that tell nothing make this column the task itself")
    whole: float = limit(0.999, unit="score", why="where the others are always right, too, nothing is given away")
    rows: float = limit(150, unit="samples", why="fewer fit any column by chance")
    columns: float = limit(3, unit="columns", why="with two there is no rest to compare with")


@rule(
    "TL113",
    rung=1,
    severity=Severity.WARNING,
    needs=("surveys",),
    limits=Limits,
    explains=("TL608",),
    plants=(
        Plant(
            "tabular",
            "    return np.stack([age, income, tenure_days, discount, calls], axis=1), left",
            "    farewell_letter = np.where(left, rng.uniform(1, 30, n), 0.0)\n"
            "    return np.stack([age, income, tenure_days, farewell_letter, calls], axis=1), left",
        ),
        Plant(
            "tabular",
            "    return np.stack([age, income, tenure_days, discount, calls], axis=1), left",
            "    last_bill = 40.0 - 39.0 * left + rng.uniform(0, 0.5, n)\n"
            "    return np.stack([last_bill, income, tenure_days, discount, calls], axis=1), left",
        ),
    ),
    near_misses=(
        Plant(
            "tabular",
            "    left = pull + 0.3 * rng.standard_normal(n) > 0",
            "    left = age > 54",
        ),
        Plant(
            "tabular",
            "    left = pull + 0.3 * rng.standard_normal(n) > 0",
            "    left = pull + 4 * (0.05 - discount) / 0.05 + 0.3 * rng.standard_normal(n) > 0",
        ),
    ),
)
def target_leakage(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each stage with a column that gives the answer away."""
    for survey in facts.surveys or ():
        s = survey.stump
        if s is not None and _leaks(s, limits):
            yield _finding(s, survey)


def _leaks(s: StumpFact, limits: Limits) -> bool:
    if s.n < limits.rows or s.columns < limits.columns:
        return False
    if s.rest - s.chance < limits.above:
        return False
    if s.disguise in {"names", "indicators"}:
        return s.rest < limits.whole
    if s.disguise is not None:  # columns may be functions of each other, as powers are: the others know as much then
        return s.rest <= limits.rest
    return s.alone >= limits.alone and s.rest <= limits.rest and s.alone - s.rest >= limits.gap


def _finding(s: StumpFact, survey: SurveyFact) -> Finding:
    classes = survey.train.classes
    unit = "accuracy" if classes else "explained variance"
    places = [p for p in (s.place, survey.train.made, survey.train.call) if p is not None]
    several = len(s.parts) > 1
    column = "these columns" if several else "that column"
    return target_leakage.finding(
        f"{_named(s, survey)} {WORDS[s.disguise]}",
        where=tuple(places),
        seen=(
            Measurement(f"{column} alone", round(s.alone, 3), unit),
            Measurement("all other columns together", round(s.rest, 3), unit),
            Measurement("guessing", round(s.chance, 3), unit),
        ),
        fixes=(Fix(LEAVE[several], Trust.IDEA),),
        phase=survey.phase,
    )


def _named(s: StumpFact, survey: SurveyFact) -> str:
    """Return the columns as the user would call them."""
    if len(s.parts) > 1:
        return "columns " + ", ".join(f"`{n}`" for n in s.names or map(str, s.parts))
    if s.name:
        return f"column {s.column} (`{s.name}`)" if survey.program else f"column `{s.name}`"
    return f"column {s.column} of {s.columns}"
