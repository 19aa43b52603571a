"""The data was prepared with statistics of training and held-out samples together.

## What is wrong
A scaler (or an imputer, a selection of features, a projection) was fitted on everything before the data was split.

## Why it hurts
What is known of the held-out samples has entered the training data. A mean tells little; a selection of
features or a projection fitted in the same place tells a lot, and figures are better than they will be.

## How it is found
Over both sides together the columns have mean 0 and deviation 1 (or a range from 0 to 1) to within
rounding, which statistics of training alone never give; over training alone they have not.

## What to do
Split first. Fit every step of the preparation on training, apply it to the other sides (scikit-learn's
`Pipeline` does).

## When it is a false alarm
Data that was prepared by its publisher before it was split: the leak is real, if small, and often
outside of one's power. Means alone, without deviations, are a remark. Sides that were each prepared alone
are not flagged: training fits by itself.

## Sources
Kaufman, Rosset, Perlich, Leakage in Data Mining, 2012. scikit-learn, Common pitfalls and recommended
practices: https://scikit-learn.org/stable/common_pitfalls.html
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.core.shift_facts import PreparationFact
from torchladder.rules.registry import NoLimits, Plant, rule

WORDS = {
    "standardised": "largest distance from mean 0 and deviation 1",
    "centred": "largest mean, in deviations",
    "scaled to a range": "largest distance from the ends of the range",
}


@rule(
    "TL112",
    rung=1,
    severity=Severity.WARNING,
    needs=("preparations",),
    plants=(
        Plant(
            "tabular",
            "train_rows.mean(axis=0), train_rows.std(axis=0)",
            "rows.mean(axis=0), rows.std(axis=0)",
        ),
        Plant(
            "digits_mlp",
            "images = torch.tensor(digits.data, dtype=torch.float32) / 16",
            "images = torch.tensor(digits.data, dtype=torch.float32)\n"
            "images = (images - images.mean(0)) / images.std(0).clamp(min=1e-6)",
        ),
    ),
    near_misses=(
        Plant(
            "tabular",
            "train_rows.mean(axis=0), train_rows.std(axis=0)",
            "train_rows.min(axis=0), np.ptp(train_rows, axis=0)",
        ),
        Plant(
            "digits_mlp",
            "images = torch.tensor(digits.data, dtype=torch.float32) / 16",
            "images = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1",
        ),
    ),
)
def preprocessing_leakage(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001 - the signature of all checks
    """Yield one finding for the held-out side that was prepared together with training."""
    for p in (facts.preparations or ())[:1]:
        yield _finding(p)


def _finding(p: PreparationFact) -> Finding:
    what = WORDS[p.how]
    columns = f"{p.columns} of {p.judged} columns" if p.judged > 1 else "the values"
    notes = (f"among them {', '.join(f'`{n}`' for n in p.names)}",) if p.names else ()
    return preprocessing_leakage.finding(
        f"{columns} are {p.how} over training and held-out samples together",
        severity=Severity.NOTE if p.how == "centred" else Severity.WARNING,
        seen=(
            Measurement(f"{what}, both sides together", float(f"{p.joint:.2g}")),
            Measurement(f"{what}, training alone (median)", float(f"{p.alone:.2g}"), expected="at most 2e-05"),
            Measurement("samples", p.n),
        ),
        where=(p.place,) if p.place is not None else (),
        notes=notes,
        fixes=(Fix("split first, then fit every step of the preparation on training alone", Trust.IDEA),),
    )
