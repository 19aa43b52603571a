"""The line shown for each rung, and the figures behind it: pure functions of facts."""

import math
from typing import Any

from torchladder.core.facts import Facts, LossCallFact, TensorFact, TrialFact
from torchladder.core.report import State
from torchladder.experiments.judge import entropy_of_smoothing

NAMES = {1: "data", 2: "baseline", 3: "one batch"}


def first_loss(facts: Facts, phase: int = 0) -> LossCallFact | None:
    """Return the first differentiated loss call of a phase."""
    calls = [c for c in facts.loss_calls or () if c.phase == phase and c.differentiated]
    return calls[0] if calls else None


def entry(facts: Facts, phase: int = 0) -> TensorFact | None:
    """Return the first tensor at the entry of the phase's (first) model."""
    roots = [r for r in facts.roots or () if r.phase == phase and r.inputs]
    return roots[0].inputs[0] if roots else None


def label_shares(facts: Facts, phase: int = 0) -> dict[str, int]:
    """Return class -> samples seen in the dense steps."""
    counts: dict[str, int] = {}
    for call in facts.loss_calls or ():
        if call.phase == phase and call.label_counts:
            for label, n in call.label_counts.items():
                counts[label] = counts.get(label, 0) + n
    return counts


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def data_line(facts: Facts) -> tuple[str, dict[str, Any]]:
    """Return rung 1's line and figures."""
    x, call = entry(facts), first_loss(facts)
    loader = next((x for x in facts.loaders or () if x.role == "train"), None)
    figures: dict[str, Any] = {}
    parts = []
    if x is not None:
        n = f"{loader.n_samples:,} x " if loader and loader.n_samples else "batches of "
        shape = x.shape[1:] if loader and loader.n_samples else x.shape
        parts.append(f"{n}{_shape(tuple(shape))} {x.dtype}")
        if x.min is not None and "int" not in x.dtype:
            parts.append(f"range {_number(x.min)} to {_number(x.max)}")
        figures |= {"shape": list(x.shape), "dtype": x.dtype, "min": x.min, "max": x.max, "mean": x.mean, "std": x.std}
    counts = label_shares(facts)
    if counts and call is not None:
        ratio = max(counts.values()) / max(min(counts.values()), 1)
        parts.append(f"{len(counts)} classes seen, {'balanced' if ratio < 3 else 'unbalanced'} ({ratio:.1f} : 1)")
        figures["labels"] = counts
    elif call is not None and call.target is not None and call.target.min is not None:
        parts.append(f"targets {call.target.dtype}, {_number(call.target.min)} to {_number(call.target.max)}")
    if loader is not None:
        parts.append({"random": "shuffled", "sequential": "not shuffled"}.get(loader.order or "", ""))
        figures["order"] = loader.order
    return ", ".join(p for p in parts if p) or "no batch of tensors was seen", figures


def chance(call: LossCallFact) -> tuple[float, str] | None:
    """Return the loss of an untrained classifier, coin or mean, and how it is written."""
    classes = call.n_outputs or 0
    if call.function in {"cross_entropy", "nll_loss"} and classes > 1:
        return math.log(classes), f"ln {classes}"
    if call.function.startswith("binary_cross_entropy"):
        return math.log(2), "ln 2"
    if call.function == "mse_loss" and call.target is not None and call.target.std:
        return call.target.std**2 + (call.target.mean or 0.0) ** 2 * 0, "the variance of the targets"
    return None


def prior_entropy(counts: dict[str, int]) -> float:
    """Return the entropy, in nats, of the label frequencies."""
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values() if n)


def baseline_line(facts: Facts) -> tuple[State, str, dict[str, Any]]:
    """Return rung 2's state, line and figures."""
    call = first_loss(facts)
    if call is None or call.value is None:
        return State.UNKNOWN, "no loss of a known kind was computed", {}
    figures: dict[str, Any] = {"loss": call.function, "loss_at_step_0": call.value}
    expected = chance(call)
    line = f"loss at step 0 is {call.value:.3g}"
    if call.options.get("reduction") == "sum":
        line += " (a sum over the batch)"
        expected = None
    if expected is not None:
        figures["chance"] = expected[0]
        line += f"; chance is {expected[0]:.4g} = {expected[1]}" if "ln" in expected[1] else f"; {expected[1]} is {expected[0]:.4g}"
        smoothing = call.options.get("label_smoothing")
        if smoothing and call.n_outputs:
            floor = entropy_of_smoothing(float(smoothing), call.n_outputs)
            figures["floor"] = floor
            line += f"; label smoothing leaves a floor of {floor:.3g}"
    counts = label_shares(facts)
    if counts:
        share = max(counts.values()) / sum(counts.values())
        figures["majority_share"] = share
        figures["prior_entropy"] = prior_entropy(counts)
        line += f"; majority class {share:.1%}"
    return State.PASSED, line, figures


def batch_line(trial: TrialFact) -> tuple[State, str, dict[str, Any]]:
    """Return rung 3's state, line and figures for one phase."""
    rows = f"{trial.rows} samples: " if trial.rows else ""
    figures = {
        "steps": trial.steps,
        "steps_to_pass": trial.steps_to_pass,
        "first": trial.losses[0] if trial.losses else None,
        "last": trial.losses[-1] if trial.losses else None,
        "floor": trial.floor,
        "chance": trial.chance,
        "accuracy": trial.accuracy,
    }
    if not trial.losses:
        return State.UNKNOWN, f"{rows}no step could be repeated ({trial.reason})", figures
    span = f"{rows}loss {trial.losses[0]:.3g} -> {_tail_mean(trial.losses):.3g} after {trial.steps} steps"
    accurate = f", {trial.accuracy:.0%} of it right" if trial.accuracy is not None else ""
    if trial.passed:
        floor = f" (floor {trial.floor:.3g})" if trial.floor else ""
        return State.PASSED, span + floor + accurate, figures
    if trial.passed is False:
        mark = f"; a healthy run is below {trial.floor + 0.1:.2g}" if trial.floor is not None and trial.chance else ""
        return State.FAILED, span + accurate + mark, figures
    return State.UNKNOWN, f"{span}{accurate}; {trial.reason}", figures


def _tail_mean(losses: tuple[float, ...]) -> float:
    return sum(losses[-5:]) / len(losses[-5:])
