"""What a column is about, from the words of its name: side, quantity, direction, axis."""

import re
from dataclasses import dataclass
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
TRAIN = {"train", "training", "tr", "trn", "fit"}
HELD = {"val", "valid", "validation", "eval", "evaluation", "dev", "holdout", "heldout", "held", "cv", "vl"}
TEST = {"test", "testing", "tst"}
EPOCHS = {"epoch", "epochs", "ep"}
STEPS = {"step", "steps", "iter", "iters", "iteration", "iterations", "it", "batch", "tick"}
AXES = EPOCHS | STEPS
RATES = {"lr", "rate"}
LOSSES = {"loss", "losses", "nll", "ce", "xent", "bce", "cost", "objective", "logloss", "crossentropy", "entropy"}
ERRORS = {"mse", "mae", "rmse", "error", "err", "ppl", "perplexity", "wer", "cer", "fid", "mape", "msle", "bpc", "bpb"}
SCORES = {
    "acc", "accuracy", "top", "f", "auc", "auroc", "auprc", "roc", "ap", "map", "map50", "iou", "miou", "dice",
    "precision", "recall", "bleu", "rouge", "r", "score", "mrr", "ndcg", "psnr", "ssim", "correlation", "pearson",
    "spearman", "kappa", "mcc", "specificity", "sensitivity", "meteor", "cider", "em", "reward", "jaccard", "hit", "p",
    "correct", "f1", "r2", "top1", "top5",
}  # fmt: skip
NO_MEASURE = {
    "time", "seconds", "sec", "speed", "norm", "memory", "mem", "gpu", "eta", "throughput", "samples", "tokens", "wall",
    "runtime", "size", "instances", "images", "scale", "mfu", "count", "timestamp", "flos",
}  # fmt: skip
WEAK = {"f", "r", "p", "top", "hit", "em"}  # scores only beside a digit or alone: F1, R2, top-5


@dataclass(frozen=True, slots=True)
class Role:
    """What a name says. ``side`` is "train", "held", "test" or ""; ``kind`` "loss", "error", "score", "lr", "epoch",
    "step" or ""; ``quantity`` the words that are left without the side.
    """  # noqa: D205 - a list of values is a sentence

    side: str
    kind: str
    quantity: str
    whole: bool = False


def words_of(name: str) -> list[str]:
    """Return the words of a name, lower case: "valLoss/top-1" gives val, loss, top, 1."""
    return [w.lower() for w in _WORDS.findall(name)]


def is_measure(name: str) -> bool:
    """Tell whether a name is one of a loss or a score."""
    return role_of(name).kind in {"loss", "error", "score"}


@lru_cache(maxsize=4096)
def role_of(name: str) -> Role:
    """Return what a column is about."""
    words = words_of(name)
    known = set(words)
    side = "held" if known & HELD else "test" if known & TEST else "train" if known & TRAIN else ""
    whole = bool(words) and words[-1] in EPOCHS and len(words) > 1
    rest = [w for w in words if w not in TRAIN | HELD | TEST]
    while len(rest) > 1 and rest[-1] in AXES:
        rest.pop()  # Lightning: train_loss_step, train_loss_epoch
    quantity = "_".join(rest)
    if rest and set(rest) <= EPOCHS:
        return Role("", "epoch", quantity)
    if rest and rest[-1] in STEPS and set(rest) <= STEPS | {"global", "trainer", "idx", "n", "num"}:
        return Role("", "step", quantity)
    if rest == ["batch", "idx"]:
        return Role("", "step", quantity)
    return Role(side, _kind(rest, set(re.split(r"[^a-z0-9]+", name.lower()))), quantity, whole)


def _kind(words: list[str], uncut: set[str]) -> str:
    """Return what the words say; ``uncut`` are those between marks, for mIoU and F1 are one word each."""
    known = set(words) | uncut
    if "lr" in known or {"learning", "rate"} <= known:
        return "lr"
    if known & NO_MEASURE:
        return ""
    if known & LOSSES:
        return "loss"
    if known & ERRORS or {"error", "rate"} <= known:
        return "error"
    strong = known & (SCORES - WEAK)
    beside = any(w in WEAK and (len(words) == 1 or words[i + 1 : i + 2] in ([["1"], ["2"], ["5"]]))
                 for i, w in enumerate(words))  # fmt: skip
    return "score" if strong or beside or any(w.startswith("map") and w[3:].isdigit() for w in words) else ""
