"""The model's input is on a raw scale: large values, a large offset, or features in unlike units.

## What is wrong
What enters the first layer is not near zero mean and unit spread: pixels from 0 to 255, incomes
beside ages, years around 2000. The usual initialisations and learning rates assume unit scale.

## Why it hurts
The first layer's outputs are as large as its inputs. Sigmoids and tanhs saturate, ReLUs die, the
largest feature drowns the others, and no single learning rate suits all columns.

## How it is found
Mean, spread and range of the tensor at the model's entry, and the spread of its features, in a
training step; judged only when the model cannot memorise one batch. The cause is confirmed by
running that batch again with inputs standardised at the entry.
Of a table that no program has read, columns on scales far apart are a remark.

## What to do
Subtract the training set's mean and divide by its standard deviation, per feature or per channel,
or begin the model with a normalisation layer.

## When it is a false alarm
Models whose first layer normalises (BatchNorm, LayerNorm, GroupNorm ...) or looks ids up
(Embedding), models that rescale inside `forward`, integer inputs, images in [0, 1], sparse counts,
flattened images whose border pixels hardly vary, and time steps that a sinusoid encodes. A program
that memorises its batch from raw inputs is left alone.

## Sources
LeCun et al., Efficient BackProp, 1998, section 4.3 (normalising the inputs).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, RootFact, TensorFact
from torchladder.core.findings import (
    Change,
    Finding,
    Fix,
    Measurement,
    Place,
    Severity,
    Standing,
    Trust,
)
from torchladder.core.set_facts import SetFact
from torchladder.rules.registry import Plant, limit, rule

NORMALISERS = ("norm", "embedding")  # parts of class names, lower case


@dataclass(frozen=True, slots=True)
class Limits:
    """How far from unit scale an input is raw."""

    large: float = limit(10.0, unit="input units", why="standardised data has mean 0 and spread 1, images at most 1")
    small: float = limit(1e-3, unit="input units", why="such an input moves the first layer less than its bias does")
    ratio: float = limit(100.0, unit="fold", why="one step size cannot suit columns this far apart in scale")


@rule(
    "TL101",
    rung=3,
    severity=Severity.ERROR,
    needs=("roots", "trials"),
    instead=("sets",),
    limits=Limits,
    explains=("TL209", "TL210", "TL212", "TL215"),
    plants=(
        Plant("tabular", "(rows - mean) / std", "rows"),
        Plant("regression", "x_train, y_train = x[:2048]", "x = 1000 * x + 5000\nx_train, y_train = x[:2048]"),
    ),
    near_misses=(
        Plant("tabular", "    nn.Linear(5, 64),", "    nn.BatchNorm1d(5),\n    nn.Linear(5, 64),"),
        Plant("digits_cnn", "unsqueeze(1) / 16.0", "unsqueeze(1)"),
    ),
)
def data_not_normalized(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a suspicion for each model that cannot memorise a batch of raw inputs, and a remark about a raw table."""
    for train in (facts.sets or ())[:1]:
        yield from _table(train, limits)
    failed = {t.phase for t in facts.trials or () if t.label == "base" and t.passed is False}
    for root in facts.roots or ():
        entry = _entry(root)
        if root.phase not in failed or entry is None:
            continue
        scale = _scale(entry, limits)
        if scale is None:
            continue
        yield data_not_normalized.finding(
            f"the input of `{root.type}` is on a raw scale: {scale.what} {scale.value:.4g}",
            where=_places(root, facts),
            seen=(
                scale,
                Measurement("smallest and largest input value", [entry.min, entry.max]),
            ),
            remark="enters here without being standardised",
            fixes=(
                Fix(
                    "standardise the inputs with the training set's mean and deviation",
                    Trust.LIKELY,
                    Change("standardise_input", {"phase": root.phase}),
                ),
            ),
            standing=Standing.SUSPECTED,
            phase=root.phase,
        )


def _table(train: SetFact, limits: Limits) -> Iterator[Finding]:
    """Yield a remark when a table's columns are on scales far apart."""
    columns = [c for c in train.columns if c.std and c.high is not None and c.low is not None]
    if len(columns) < 2:  # noqa: PLR2004 - nothing to compare
        return
    small, large = min(columns, key=lambda c: c.std or 0.0), max(columns, key=lambda c: c.std or 0.0)
    ratio = (large.std or 0.0) / (small.std or 1.0)
    if ratio < limits.ratio or max(abs(large.low or 0.0), abs(large.high or 0.0)) < limits.large:
        return
    yield data_not_normalized.finding(
        f"columns are on scales {ratio:.0f} times apart: `{large.name}` and `{small.name}`",
        severity=Severity.NOTE,
        rung=1,
        seen=(
            Measurement(f"standard deviation of `{large.name}`", float(f"{large.std:.4g}")),
            Measurement(f"standard deviation of `{small.name}`", float(f"{small.std:.4g}")),
        ),
        fixes=(Fix("standardise the columns with the training set's mean and deviation", Trust.IDEA),),
    )


def _places(root: RootFact, facts: Facts) -> tuple[Place, ...]:
    """Return where the input enters the model, and where it or its data set was made."""
    made = [s.train.made for s in facts.surveys or () if s.phase == root.phase]
    places = [root.place, root.given, *made[:1]]
    return tuple(dict.fromkeys(p for p in places if p is not None))


def _entry(root: RootFact) -> TensorFact | None:
    """Return the first input when it is of floats and no normalising layer comes first."""
    first = (root.first_layer or "").lower()
    entry = root.inputs[0] if root.inputs else None
    if entry is None or "float" not in entry.dtype or any(n in first for n in NORMALISERS):
        return None
    return entry


def _scale(entry: TensorFact, limits: Limits) -> Measurement | None:
    """Return the measurement that shows a raw scale, the most telling one, or None."""
    if entry.mean is None or entry.std is None or entry.min is None or entry.max is None:
        return None
    ratio = entry.feature_scale_ratio
    # Rarely lit pixels give large ratios within [0, 1]; unlike units also leave the unit range.
    if ratio is not None and ratio >= limits.ratio and max(-entry.min, entry.max) >= limits.large:
        return Measurement("feature spreads differ by a factor of", ratio, expected=1)
    if entry.std >= limits.large:
        return Measurement("standard deviation", entry.std, expected=1)
    if abs(entry.mean) >= limits.large:
        return Measurement("mean", entry.mean, expected=0)
    if 0 < entry.std <= limits.small and max(-entry.min, entry.max) <= limits.small * limits.large:
        return Measurement("standard deviation", entry.std, expected=1)
    return None
