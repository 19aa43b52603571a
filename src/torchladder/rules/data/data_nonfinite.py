"""Inputs or targets hold NaN or Inf, and the loss is not finite because of it.

## What is wrong
Some samples carry values that are not numbers: missing entries read as NaN, a division by zero or
a logarithm of zero while the features were made, an overflow in half precision.

## Why it hurts
One NaN in a batch makes the loss NaN, its gradient makes every weight NaN, and from then on the
model answers NaN to everything.

## How it is found
NaN and Inf are counted at the model's entry and in the targets of each loss call, during the first
training steps. It counts only where the loss of the same phase is not finite in some step.
Of data sets that no program has read, every value is looked at: infinite values, labels that are missing and
arrays with NaN are a warning, gaps in the columns of a table a remark.

## What to do
Find the samples (`torch.isfinite(x).all(dim=1)`), and drop or impute them where the data is read.

## When it is a false alarm
Masks that hold -inf (attention), models that replace NaN themselves, targets whose NaN entries are
masked out of the loss. In all of these the loss stays finite, and nothing is said.

## Sources
PyTorch anomaly detection: https://pytorch.org/docs/stable/autograd.html#anomaly-detection
"""

import math
from collections.abc import Iterator

from torchladder.core.facts import Facts, TensorFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.core.set_facts import ColumnFact, SetFact
from torchladder.rules.registry import NoLimits, Plant, rule

ARRAYS = "arrays"  # what a set of samples that are neither pictures, rows nor texts is called


@rule(
    "TL102",
    rung=1,
    severity=Severity.ERROR,
    needs=("roots", "loss_calls"),
    instead=("sets",),
    explains=("TL212", "TL306", "TL307", "TL401", "TL604"),
    plants=(
        Plant("tabular", "(rows - mean) / std", "np.log((rows - mean) / std)"),
        Plant(
            "regression",
            "x_train, y_train = x[:2048]",
            "y[::50] = float('nan')\nx_train, y_train = x[:2048]",
        ),
    ),
    near_misses=(
        Plant(
            "tabular",
            "(rows - mean) / std",
            "np.nan_to_num(np.where(rows > mean + 3 * std, np.nan, (rows - mean) / std))",
        ),
        Plant(
            "regression",
            "mse(model(xb).squeeze(-1), yb)",
            "mse(model(torch.where(xb > 3, torch.nan, xb).nan_to_num()).squeeze(-1), yb)",
        ),
    ),
)
def data_nonfinite(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001 - the signature of all checks
    """Yield one finding for the first phase whose data spoils its loss, or for each set with such values."""
    for side in facts.sets or ():
        yield from _of_set(side)
    spoiled = _spoiled_phases(facts)
    for what, tensor, place, phase in _suspects(facts):
        if phase not in spoiled:
            continue
        shown = _count(tensor) if tensor else "values that are not finite"
        fix = Fix(
            "drop or impute the samples that are not finite where the data is read",
            Trust.LIKELY,
            Change("drop_nonfinite", {"phase": phase}),
        )
        seen = [Measurement("loss", "not finite", expected="finite")]
        if tensor is not None:
            bad = tensor.n_nan + tensor.n_inf
            of = math.prod(tensor.shape)
            seen.insert(0, Measurement("values that are not finite", bad, f"of {of:,}", expected=0))
        yield data_nonfinite.finding(
            f"the {what} holds {shown}, and the loss is not finite",
            where=(place,) if place else (),
            seen=tuple(seen),
            remark=f"the {what} arrives with values that are not finite",
            fixes=(fix,),
            phase=phase,
        )
        return


def _of_set(side: SetFact) -> Iterator[Finding]:
    """Yield a finding for what a set's columns, arrays and labels lack."""
    infinite = [c for c in side.columns if c.infinite]
    gaps = [c for c in side.columns if c.missing and not c.infinite]
    arrays = side.kind == ARRAYS and side.nonfinite > 0
    if infinite and not arrays:
        yield _lacking(side, infinite, sum(c.infinite for c in infinite), "infinite values", Severity.WARNING)
    if arrays:
        yield data_nonfinite.finding(
            f"{side.spoiled:,} samples of {side.name} hold NaN or Inf",
            severity=Severity.WARNING,
            seen=(
                Measurement("values that are not finite", side.nonfinite, expected=0),
                Measurement("samples that hold them", side.spoiled, f"of {side.read:,}", expected=0),
                Measurement("the first of them", ", ".join(side.examples)),
            ),
            fixes=(Fix("drop or impute the samples that are not finite", Trust.IDEA),),
        )
    elif gaps:
        yield _lacking(side, gaps, sum(c.missing for c in gaps), "missing values", Severity.NOTE)
    if side.labels is not None and side.labels.missing:
        yield data_nonfinite.finding(
            f"{side.labels.missing:,} samples of {side.name} have no label",
            severity=Severity.WARNING,
            seen=(
                Measurement("missing labels", side.labels.missing, f"of {side.read:,}", expected=0),
                Measurement("the first of them", ", ".join(side.labels.examples)),
            ),
            fixes=(Fix("drop the samples without a label, or label them", Trust.IDEA),),
        )


def _lacking(side: SetFact, columns: list[ColumnFact], n: int, what: str, severity: Severity) -> Finding:
    worst = max(columns, key=lambda c: c.infinite or c.missing)
    several = f" and {len(columns) - 1} other{'s' * (len(columns) > 2)}" if len(columns) > 1 else ""  # noqa: PLR2004
    return data_nonfinite.finding(
        f"column `{worst.name}`{several} of {side.name} ha{'ve' if several else 's'} {what}",
        severity=severity,
        seen=(
            Measurement(what, n, f"in {len(columns)} of {len(side.columns)} columns", expected=0),
            Measurement(f"of them in `{worst.name}`", worst.infinite or worst.missing, f"of {side.read:,}"),
            Measurement("the first samples there", ", ".join(worst.examples)),
        ),
        fixes=(Fix("drop or impute them where the data is read, and tell the model which they were", Trust.IDEA),),
    )


def _suspects(facts: Facts) -> Iterator[tuple[str, TensorFact | None, Place | None, int]]:
    """Yield (what, tensor, place, phase) of data with NaN or Inf, inputs before targets."""
    for root in facts.roots or ():
        for i, tensor in enumerate(root.inputs):
            # Inf beside finite values in a later argument is a mask by convention.
            mask = i > 0 and tensor.n_nan == 0 and tensor.min is not None
            if tensor.n_nan + tensor.n_inf > 0 and not tensor.requires_grad and not mask:
                yield f"input of `{root.type}`", tensor, root.place, root.phase
    for call in facts.loss_calls or ():
        target = call.target
        if target and not target.requires_grad and target.n_nan + target.n_inf > 0:
            yield f"target of `{call.function}`", target, call.place, call.phase
    for row in facts.nonfinite or ():
        if row.where == "input":
            yield f"input of `{row.function}`", None, row.place, row.phase


def _count(tensor: TensorFact) -> str:
    parts = [(tensor.n_nan, "NaN"), (tensor.n_inf, "Inf")]
    return " and ".join(f"{n:,} {name}" for n, name in parts if n)


def _spoiled_phases(facts: Facts) -> set[int]:
    """Return the phases in which some loss was not finite."""
    values = [(c.phase, c.value) for c in facts.loss_calls or ()]
    values += [(c.phase, v) for c in facts.curves or () for v in c.losses]
    values += [(t.phase, v) for t in facts.trials or () for v in t.losses if t.label == "base"]
    lost = {row.phase for row in facts.nonfinite or () if row.lost}
    return lost | {phase for phase, value in values if value is not None and not math.isfinite(value)}
