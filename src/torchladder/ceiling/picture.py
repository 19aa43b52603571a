"""The picture of an analysis: the way from the pipeline as it is to the ceiling, a bar for each stage."""

import io

from torchladder.ceiling.measure import Gain, Study

FILE = "ceiling.png"
WIDTH, ROW, DPI = 8.0, 0.55, 110
ORDERED, ALONE = "tab:blue", "0.75"
NAME = 28  # characters of a stage's name


def draw(found: Study) -> bytes:
    """Return the picture as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stages = [s for s in found.stages if s.alone is not None]
    figure = Figure(figsize=(WIDTH, 1.4 + 2 * ROW * len(stages)), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    both = any(s.beside for s in stages)  # in a chain the gains alone are sums of the others
    for name, shift, color in (("in order", -0.2 * both, ORDERED), ("alone", 0.2, ALONE))[: 1 + both]:
        gains = [s.ordered if name == "in order" else s.alone if s.beside else None for s in stages]
        known = [(i, g) for i, g in enumerate(gains) if g is not None]
        axes.barh(
            [i + shift for i, _ in known], [g.gain for _, g in known], 0.36, color=color, label=_label(name),
            xerr=_reach([g for _, g in known]), error_kw={"ecolor": "0.25", "capsize": 3, "linewidth": 1},
        )  # fmt: skip
    axes.set_yticks(range(len(stages)), [s.name[:NAME].replace("$", r"\$") for s in stages])
    axes.invert_yaxis()
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_xlabel(f"gain of the {found.pipeline.end}, with 95 % intervals")
    whole = f", every stage right {found.whole.after:.4g}" if found.whole is not None else ""
    axes.set_title(f"What right answers of each stage would give: now {found.baseline:.4g}{whole}", fontsize=11)
    axes.grid(visible=True, axis="x", color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _label(name: str) -> str:
    return "after all stages before it are right" if name == "in order" else "this stage alone"


def _reach(gains: list[Gain]) -> tuple[list[float], list[float]]:
    return [max(g.gain - g.low, 0.0) for g in gains], [max(g.high - g.gain, 0.0) for g in gains]
