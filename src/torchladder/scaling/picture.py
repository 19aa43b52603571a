"""The picture of a study: isoFLOP curves (or the law over its size), and every run beside what the law expects."""

import io
import math
from typing import Any

import numpy as np

from torchladder.scaling.allocation import FLOPS, optimum
from torchladder.scaling.fit import Fit
from torchladder.scaling.runs import Law, NotFitted, Run
from torchladder.scaling.straight import straight
from torchladder.scaling.study import Study

FILE = "scaling.png"
WIDTH, HEIGHT, DPI = 12.0, 5.0, 110
BUDGETS = 6  # isoFLOP curves
POINTS = 120
NEAR = 1.6  # factor of a budget within which a run is shown in its colour
REACH = 3.0  # factor beyond the runs to which curves are drawn
JUDGED = "tab:red"


def draw(found: Study) -> bytes:
    """Return the picture as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    assert found.fit is not None
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    if found.law is Law.JOINT:
        _isoflops(left, found, found.fit)
    else:
        _over_size(left, found, found.fit)
    _beside(right, found, found.fit)
    for axes in (left, right):
        axes.grid(visible=True, which="major", color="0.92", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _isoflops(axes: Any, found: Study, fitted: Fit) -> None:
    """Draw the loss over the parameters at fixed compute, with the best size at each."""
    from matplotlib import colormaps

    runs = [r for r in fitted.runs if r.parameters and r.samples]
    work = [FLOPS * (r.parameters or 1.0) * (r.samples or 1.0) for r in runs]
    budgets = list(np.geomspace(min(work) * 2, max(work) / 2, BUDGETS))
    budgets += [a.flops for a in found.allocations]
    colors = [colormaps["viridis"](v) for v in np.linspace(0.0, 0.9, len(budgets))]
    sizes = [r.parameters or 1.0 for r in runs]
    best = []
    for budget, color in zip(budgets, colors, strict=True):
        try:
            n, _, loss = optimum(fitted.curve, budget)
        except NotFitted:
            return
        best.append((n, loss))
        span = np.geomspace(min(*sizes, n / REACH), max(*sizes, n * REACH), POINTS)
        values = [fitted.curve.loss(parameters=v, samples=budget / FLOPS / v) for v in span]
        axes.plot(span, values, color=color, linewidth=1.3, label=f"{budget:.1e} FLOPs")
        near = [(r.parameters, r.loss) for r, w in zip(runs, work, strict=True) if 1 / NEAR < w / budget < NEAR]
        axes.plot(*zip(*near, strict=True), "o", color=color, markersize=4) if near else None
    axes.plot(*zip(*best, strict=True), "k--", linewidth=1, marker="D", markersize=5, label="least loss")
    losses = [r.loss for r in runs]
    axes.set_ylim(min([*losses, *(loss for _, loss in best)]) * 0.97, max(losses) * 1.03)
    axes.set(xscale="log", xlabel="parameters N", ylabel="loss", title="Loss at fixed compute (D = C / 6N)")
    axes.legend(frameon=False, fontsize=8)


def _over_size(axes: Any, found: Study, fitted: Fit) -> None:
    """Draw the law over its one size, with its interval and the straight line."""
    name = fitted.law.value[0]
    runs = list(fitted.runs)
    xs = [r.size(name) or 1.0 for r in runs]
    judged = [(getattr(line, name), line.loss) for line in found.lines if getattr(line, name)]
    span = np.geomspace(min(xs), max([*xs, *(x for x, _ in judged)]) * REACH, POINTS)
    curves = np.array([[c.loss(**{name: float(v)}) for v in span] for c in fitted.draws])
    axes.fill_between(span, *np.quantile(curves, [0.025, 0.975], axis=0), alpha=0.2, linewidth=0, label="95 %")
    axes.plot(span, [fitted.curve.loss(**{name: float(v)}) for v in span], label=_law_words(fitted))
    line = straight(runs, fitted.law)
    naive = [line.loss(Run(1.0, **{name: float(v)})) for v in span]
    axes.plot(span, naive, "--", color="0.6", linewidth=1, label="straight line")
    axes.axhline(fitted.curve.floor, color="0.8", linewidth=0.8)
    axes.plot(xs, [r.loss for r in runs], "o", color="0.2", markersize=4, label="runs")
    if judged:
        axes.plot(*zip(*judged, strict=True), "X", color=JUDGED, markersize=9, label="judged")
    low = min(*(r.loss for r in runs), *(y for _, y in judged), fitted.curve.floor * 1.0)
    axes.set_ylim(max(low, 1e-3 * max(r.loss for r in runs)) * 0.95, None)
    axes.set(xscale="log", yscale="log", xlabel=f"{name} {'N' if name == 'parameters' else 'D'}", ylabel="loss")
    axes.set_title("Loss and the law fitted to it")
    axes.legend(frameon=False, fontsize=8)


def _law_words(fitted: Fit) -> str:
    term = fitted.curve.terms[0]
    letter = "N" if term.size == "parameters" else "D"
    return f"{fitted.curve.floor:.3g} + {term.coefficient:.3g} / {letter}^{term.exponent:.3g}"


def _beside(axes: Any, found: Study, fitted: Fit) -> None:
    """Draw how far each run lies from the law, in per cent."""
    work = [math.prod(r.sizes(fitted.law)) for r in fitted.runs]
    gaps = [100 * (r.loss / fitted.curve.loss(samples=r.samples, parameters=r.parameters) - 1) for r in fitted.runs]
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.plot(work, gaps, "o", color="0.4", markersize=4, label="fitted")
    if found.extrapolation is not None:
        left = [(math.prod(p.run.sizes(fitted.law)), 100 * p.error) for p in found.extrapolation.check.predicted]
        axes.plot(*zip(*left, strict=True), "o", mfc="none", color="tab:blue", label="foretold from the smaller ones")
    sized = {"parameters": "parameters", "samples": "samples"}
    for line in found.lines:
        place = math.prod(getattr(line, sized[name]) or 1.0 for name in fitted.law.value)
        axes.plot([place], [100 * (line.loss / line.expected - 1)], "X", color=JUDGED, markersize=9)
        axes.annotate(line.name, (place, 100 * (line.loss / line.expected - 1)), textcoords="offset points",
                      xytext=(6, 6), fontsize=8)  # fmt: skip
    label = "N x D" if fitted.law is Law.JOINT else fitted.law.value[0]
    axes.set(xscale="log", xlabel=label, ylabel="gap, % of the prediction", title="Runs beside the law")
    axes.legend(frameon=False, fontsize=8)
