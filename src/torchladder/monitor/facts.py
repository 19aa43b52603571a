"""A watched run as facts: the rows that rules read, from what a monitor has kept."""

from typing import Any

from torchladder.core.facts import CurveFact, Facts, OptimizerFact, ParameterFact, RootFact
from torchladder.core.findings import Place
from torchladder.core.graph_facts import ActivationFact
from torchladder.core.model_facts import GradientFact, LayerGradientFact
from torchladder.core.outcome_facts import OutcomeFact
from torchladder.monitor.history import History, Parameter, Phase, Units, finite

NAMES = {"ReLU": "relu", "ReLU6": "relu6", "Hardtanh": "hardtanh", "Threshold": "threshold"}
MATRIX = 2


def facts_of(
    history: History, *, seconds: float, finished: bool, orphans: tuple[ParameterFact, ...] = (), **more: Any
) -> Facts:
    """Return the rows of a run so far; ``more`` are further fields of Facts, ``orphans`` further parameters."""
    phases = [p for p in history.phases if p.steps]
    steps = max((p.steps for p in phases), default=0)
    rows: dict[str, Any] = {
        "curves": tuple(
            CurveFact(p.number, tuple(p.losses.values), tuple(p.lrs.values), p.losses.stride) for p in phases
        ),
        "gradients": tuple(_gradients(p) for p in phases if p.norms.steps and p.weight_norm is not None),
        "layer_gradients": tuple(row for p in phases for row in _layers(p)),
        "activations": tuple(_activation(p, name, u) for p in phases for name, u in p.units.items() if u.samples),
        "parameters": (*(_parameter(p, row) for p in phases for row in p.parameters.values()), *orphans),
        "optimizers": tuple(_optimizer(p) for p in phases),
        "outcome": OutcomeFact(finished=finished, steps=steps, epochs=None, seconds=seconds),
        "trials": (),
        "loss_calls": (),
        "evaluations": (),
    }
    return Facts(**(rows | more))


def _gradients(phase: Phase) -> GradientFact:
    place = next(iter(phase.backward_places), None)
    norms = tuple(phase.norms.values)
    raw = tuple(phase.raw.values) if len(phase.raw.values) == len(norms) else norms
    return GradientFact(phase.number, tuple(phase.norms.steps), norms, raw, phase.weight_norm or 0.0, place)


def _layers(phase: Phase) -> list[LayerGradientFact]:
    """Return |g| / |w| of the weight matrices, in the order in which the model registers them."""
    rows = [p for p in phase.parameters.values() if len(p.shape) >= MATRIX and p.grad.steps and p.weight.values]
    found = []
    for depth, row in enumerate(rows):
        weights = dict(zip(row.weight.steps, row.weight.values, strict=True))
        pairs = [(s, g / weights[s]) for s, g in zip(row.grad.steps, row.grad.values, strict=True) if weights.get(s)]
        if pairs:
            steps, ratios = zip(*pairs, strict=True)
            module = row.name.rpartition(".")[0] or None
            found.append(
                LayerGradientFact(
                    phase.number, row.name, depth, len(rows), ratios, steps, module=module, fresh=row.fresh
                )
            )
    return found


def _activation(phase: Phase, name: str, units: Units) -> ActivationFact:
    n = int(units.alive.numel()) if units.alive is not None else 0
    squash = units.kind in {"Sigmoid", "Tanh"}
    return ActivationFact(
        function=NAMES.get(units.kind, units.kind.lower()),
        phase=phase.number,
        step=0,
        place=None,
        module=name,
        created=None,
        units=max(n, 1),
        dead=n - int(units.alive.sum()) if units.alive is not None else 0,
        zeros=units.zeros / max(units.looks, 1),
        saturated=units.ends / max(units.looks, 1) if squash else None,
        n_samples=units.samples,
    )


def _parameter(phase: Phase, row: Parameter) -> ParameterFact:
    ratios, sizes = finite(row.ratio.values), finite(row.weight.values)
    return ParameterFact(
        name=row.name,
        phase=phase.number,
        shape=row.shape,
        requires_grad=True,
        registered=True,
        reached=bool(row.grad.values),
        in_optimizer=True,
        in_any_optimizer=True,
        grad_norm=row.grad.last(),
        grad_zero=row.grad.last() == 0.0,
        weight_norm=row.weight.values[0] if row.weight.values else None,
        update_ratio=sorted(ratios)[len(ratios) // 2] if ratios else None,
        grown=sizes[-1] / sizes[0] if sizes and sizes[0] > 0 else None,
        changed=any(r > 0 for r in ratios) or len(set(row.weight.values)) > 1 if ratios else None,
        fresh=row.fresh,
    )


def _optimizer(phase: Phase) -> OptimizerFact:
    groups = tuple(
        {k: v for k, v in g.items() if k != "params" and isinstance(v, int | float | bool | tuple)}
        for g in phase.optimizer.param_groups
    )
    lrs = finite(phase.lrs.values)
    return OptimizerFact(
        id=phase.number,
        phase=phase.number,
        type=phase.type,
        created=None,
        n_tensors=sum(len(g["params"]) for g in phase.optimizer.param_groups),
        n_reached=sum(bool(p.grad.values) for p in phase.parameters.values()),
        n_registered=len(phase.parameters),
        groups=groups,
        lr_min=min(lrs, default=0.0),
        lr_max=max(lrs, default=0.0),
        scheduled=len(set(lrs)) > 1,
        zero_grad_places=(),
        step_places=tuple(p for p, _ in phase.step_places.most_common()),
        backward_places=tuple(p for p, _ in phase.backward_places.most_common()),
        zero_grads=0,
        steps=phase.steps,
        dense_steps=phase.looks or len(phase.norms.steps),
        carried_steps=0,
        backwards_per_step=1.0,
        empty_steps=0,
        gradless_steps=phase.gradless,
    )


def root_fact(phase: Phase, name: str, module: Any, mode_layers: tuple[str, ...], place: Place | None) -> RootFact:
    """Return the row of a model whose mode was looked at as its optimizer stepped."""
    parameters = list(module.parameters())
    return RootFact(
        name=name,
        type=type(module).__name__,
        phase=phase.number,
        n_parameters=sum(p.numel() for p in parameters),
        n_trainable=sum(p.numel() for p in parameters if p.requires_grad),
        inputs=(),
        output=None,
        place=place,
        training_flags=tuple(phase.evaluating),
        mode_layers=mode_layers,
    )
