"""Which figure to report for a task, by the kind of its answers and how even its classes are. The loss is not it."""

from collections.abc import Mapping
from dataclasses import dataclass

from torchladder.core.graph_facts import LossCallFact

UNEVEN = 3.0  # most frequent class against the rarest, from which accuracy hides the rare one
BINARY = 2

OF_LOSS = {
    "cross_entropy": "classes",
    "nll_loss": "classes",
    "multi_margin_loss": "classes",
    "binary_cross_entropy": "binary",
    "binary_cross_entropy_with_logits": "binary",
    "soft_margin_loss": "binary",
    "multilabel_soft_margin_loss": "multi-label",
    "multilabel_margin_loss": "multi-label",
    "mse_loss": "values",
    "l1_loss": "values",
    "smooth_l1_loss": "values",
    "huber_loss": "values",
    "gaussian_nll_loss": "values",
    "poisson_nll_loss": "values",
    "triplet_margin_loss": "ranking",
    "triplet_margin_with_distance_loss": "ranking",
    "margin_ranking_loss": "ranking",
    "cosine_embedding_loss": "ranking",
    "hinge_embedding_loss": "ranking",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What to report.

    Attributes:
        task: "binary", "classes", "multi-label", "values" or "ranking".
        report: The figures, the first before all others.
        loss: What to train with.
        even: Whether classes are about equally frequent; None where there are none.
        beat: Accuracy of always giving the most frequent class, None where there is none.
        most: That class.
    """

    task: str
    report: tuple[str, ...]
    loss: str
    even: bool | None = None
    beat: float | None = None
    most: str | None = None

    def words(self) -> str:
        """Return the advice in a few words."""
        figures = ", ".join(self.report)
        if self.beat is None:
            return figures
        return f"{figures}; always `{self.most}` is right in {self.beat:.1%}"


def task_of(call: LossCallFact) -> str | None:
    """Return the kind of task that a loss call shows, None where it does not tell."""
    task = OF_LOSS.get(call.function)
    shape = call.target.shape if call.target is not None else ()
    return "multi-label" if task == "binary" and len(shape) > 1 and shape[1] > 1 else task


def advise(task: str, counts: Mapping[str, int] | None = None) -> Advice:
    """Return what to report.

    Args:
        task: "classes" (two of them are binary), "binary", "multi-label", "values" or "ranking".
        counts: Samples of each class, where they are known.
    """
    if task == "values":
        return Advice(task, ("RMSE", "MAE", "R2 (0 for always giving the mean)"), "squared or absolute error")
    if task == "ranking":
        return Advice(task, ("recall@k", "mean reciprocal rank"), "a contrastive loss")
    if task == "multi-label":
        report = ("mean average precision over labels", "macro F1")
        return Advice(task, report, "binary cross-entropy a label, weighted by `pos_weight` where labels are rare")
    known = {k: n for k, n in (counts or {}).items() if n}
    if len(known) < BINARY:
        return Advice(task, ("accuracy",), "cross-entropy")
    most = max(known, key=lambda k: known[k])
    beat = known[most] / sum(known.values())
    even = known[most] <= UNEVEN * min(known.values())
    if even:
        return Advice(task, ("accuracy",), "cross-entropy", even, beat, most)
    loss = "weighted cross-entropy or a focal loss"
    if len(known) == BINARY:
        rare = min(known, key=lambda k: known[k])
        figures = (f"average precision (AUPRC) of `{rare}`", "F1", "AUROC")
        return Advice("binary", figures, loss, even, beat, most)
    return Advice("classes", ("macro F1", "recall by class"), loss, even, beat, most)
