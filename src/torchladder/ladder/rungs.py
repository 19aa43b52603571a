"""The line shown for each rung, and the figures behind it: pure functions of facts."""

from typing import Any

from torchladder.core.facts import Facts, LossCallFact, TensorFact, TrialFact
from torchladder.core.report import State
from torchladder.experiments.judge import CLASSIFICATION
from torchladder.ladder.baseline import UNBALANCED, balance, baseline, counted, majority

NAMES = {
    1: "data", 2: "baseline", 3: "one batch", 4: "small subset", 5: "learning rate", 6: "full run", 7: "errors",
}  # fmt: skip
INPUT_DTYPES = {"float32", "bfloat16", "float16"}
TELLING = 0.9  # an entropy of the labels below this share of ln K is worth saying


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


def digits(value: float) -> str:
    """Return a loss with three significant digits, zeros kept: 2.30, not 2.3."""
    text = f"{value:#.3g}"
    return text.rstrip(".") if "e" not in text else f"{value:.2e}"


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
    counts = counted(label_shares(facts), call) if call is not None else {}
    if counts and call is not None:
        ratio = balance(counts)
        parts.append(
            f"{len(counts)} classes seen, {'balanced' if ratio < UNBALANCED else 'unbalanced'} ({ratio:.1f} : 1)"
        )
        figures |= {"labels": counts, "label_ratio": ratio}
    elif call is not None and call.target is not None and call.target.min is not None:
        parts.append(f"targets {call.target.dtype}, {_number(call.target.min)} to {_number(call.target.max)}")
    if loader is not None:
        parts.append({"random": "shuffled", "sequential": "not shuffled"}.get(loader.order or "", ""))
        figures |= {"order": loader.order, "shuffled": {"random": True, "sequential": False}.get(loader.order or "")}
    figures |= contract(x, call)
    return ", ".join(p for p in parts if p) or "no batch of tensors was seen", figures


def contract(x: TensorFact | None, call: LossCallFact | None) -> dict[str, Any]:
    """Return what the batch is against what the model and the loss want of it; True where it is kept."""
    figures: dict[str, Any] = {}
    if x is not None:
        ids = "int" in x.dtype and x.dtype != "uint8"
        figures["x_dtype_as_expected"] = x.dtype in INPUT_DTYPES or ids
        figures["x_finite"] = not (x.n_nan or x.n_inf)
    target = call.target if call is not None else None
    if call is None or target is None:
        return figures
    figures |= {"y_shape": list(target.shape), "y_dtype": target.dtype}
    if call.function in CLASSIFICATION:
        probabilities = call.input is not None and target.shape == call.input.shape
        wanted = call.input.dtype if probabilities and call.input is not None else "int64"
        figures |= {"y_dtype_expected": wanted, "y_dtype_as_expected": target.dtype == wanted}
    elif call.input is not None and call.function != "custom":
        figures |= {"y_dtype_expected": call.input.dtype, "y_dtype_as_expected": target.dtype == call.input.dtype}
        figures["y_shape_as_expected"] = target.shape == call.input.shape
    return figures


def model_figures(facts: Facts, phase: int = 0) -> dict[str, Any]:
    """Return the size of the phase's (first) model and the shape of what it gives."""
    root = next((r for r in facts.roots or () if r.phase == phase), None)
    if root is None:
        return {}
    return {
        "model": root.type,
        "parameters": root.n_parameters,
        "trainable_share": root.n_trainable / root.n_parameters if root.n_parameters else None,
        "input_shape": list(root.inputs[0].shape) if root.inputs else None,
        "output_shape": list(root.output.shape) if root.output is not None else None,
    }


def baseline_line(facts: Facts) -> tuple[State, str, dict[str, Any]]:
    """Return rung 2's state, line and figures."""
    call = first_loss(facts)
    figures = model_figures(facts)
    counts = label_shares(facts)
    curve = next((c for c in facts.curves or () if c.phase == 0), None)
    found = baseline(call, counts, curve) if call is not None else None
    if call is None or found is None or found.loss is None:
        return State.UNKNOWN, "no loss of a known kind was computed", figures
    figures |= {"loss": call.function, "reduction": call.options.get("reduction", "mean"), "loss_at_step_0": found.loss}
    line = f"loss at step 0 is {digits(found.loss)}" + (f" ({found.how})" if found.how else "")
    if found.chance is not None:
        figures["chance"] = found.chance
        is_log = found.words.startswith("ln")
        line += (
            f"; chance is {found.chance:.4g} = {found.words}" if is_log else f"; {found.words} is {found.chance:.4g}"
        )
    if found.floor is not None:
        figures["floor"] = found.floor
    if found.blind is not None:
        figures["blind"] = found.blind
    line += "".join(f"; {note}" for note in found.notes)
    share = majority(call, counts)
    if share is not None:
        figures["majority_share"] = share
        line += f"; majority class {share:.1%}"
    if found.words.startswith("ln") and found.blind is not None:
        figures["prior_entropy"] = found.blind
        if found.chance is not None and found.blind < TELLING * found.chance:
            line += f", the label frequencies alone give {digits(found.blind)}"
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
    span = f"{rows}loss {digits(trial.losses[0])} -> {digits(_tail_mean(trial.losses))} after {trial.steps} steps"
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
