"""The layers of a watched run, from what its history keeps of each parameter and each output."""

import math
from collections.abc import Sequence

from torchladder.core.layers import Course, LayerCourse
from torchladder.monitor.history import History, Parameter, Phase, Series

FIELDS = {"mean": "mean", "std": "std", "zeros": "zeros", "min": "least", "max": "most", "ends": "ends"}


def layers_of(history: History, phase: int = 0) -> tuple[LayerCourse, ...]:
    """Return the layers that one optimizer trains, in the order of the forward pass where that was seen."""
    if phase >= len(history.phases):
        return ()
    found = history.phases[phase]
    modules: dict[str, list[Parameter]] = {}
    for row in found.parameters.values():
        modules.setdefault(row.name.rpartition(".")[0] or "model", []).append(row)
    return tuple(_layer(found, name, modules.get(name, [])) for name in _order(list(found.outputs), list(modules)))


def _order(outputs: list[str], modules: list[str]) -> list[str]:
    """Return all names: outputs as they came, a module without an output behind the module registered before it."""
    order = list(outputs)
    at = 0
    for name in modules:
        if name in outputs:
            at = order.index(name) + 1
        else:
            order.insert(at, name)
            at += 1
    return order


def _layer(phase: Phase, name: str, rows: list[Parameter]) -> LayerCourse:
    size = sum(math.prod(row.shape) for row in rows)
    outputs = {FIELDS[key]: _course(series) for key, series in phase.outputs.get(name, {}).items() if key in FIELDS}
    main = max(rows, key=lambda row: math.prod(row.shape), default=None)
    return LayerCourse(
        name=name,
        kind=phase.units[name].kind if name in phase.units else "",
        gradient=_together([row.grad for row in rows], 1 / math.sqrt(max(size, 1))),
        largest=_largest([row.top for row in rows]),
        weight=_together([row.weight for row in rows], 1.0),
        update=_course(main.ratio) if main is not None else Course(),
        **outputs,
    )


def _course(series: Series) -> Course:
    return Course(tuple(series.steps), tuple(series.values))


def _together(norms: Sequence[Series], scale: float) -> Course:
    """Return the norm over several tensors, at steps where any of them was measured, times ``scale``."""
    squares: dict[int, float] = {}
    for series in norms:
        for step, value in zip(series.steps, series.values, strict=True):
            squares[step] = squares.get(step, 0.0) + value * value
    return Course(tuple(sorted(squares)), tuple(scale * math.sqrt(squares[s]) for s in sorted(squares)))


def _largest(tops: Sequence[Series]) -> Course:
    largest: dict[int, float] = {}
    for series in tops:
        for step, value in zip(series.steps, series.values, strict=True):
            known = largest.get(step, 0.0)
            largest[step] = value if math.isnan(value) or value > known else known
    return Course(tuple(sorted(largest)), tuple(largest[s] for s in sorted(largest)))
