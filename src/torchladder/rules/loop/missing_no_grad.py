"""Evaluation builds graphs that nobody differentiates.

## What is wrong
The model is evaluated with gradients enabled.

## Why it hurts
Each call records its operations and keeps every intermediate result: evaluation needs several times
the memory and more time. Where the outputs are collected as well, the graphs of the whole data set
are alive at once.

## How it is found
Evaluation passes are recognised by having no backward pass; calls that recorded a graph, and graphs
of one pass that were alive together, are counted. A call through whose outputs something was
differentiated does not count.

## What to do
Put the evaluation under `with torch.no_grad():`, or decorate its function.

## When it is a false alarm
Outputs whose graphs are kept to be differentiated after the calls that were looked at. That is why it
is a note unless the graphs pile up. Calls in training mode that no loader of their own serves may be
steps of a hand-written optimisation, and are passed over.

## Sources
Locally disabling gradients: https://pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When recorded graphs are more than a remark."""

    calls: float = limit(2, unit="calls", why="a single look at one batch costs nothing worth a word")
    piled: float = limit(6, unit="graphs alive at once", why="the last call or two are always alive")
    share: float = limit(0.8, unit="share of the calls", why="the outputs of nearly the whole pass are kept")


@rule(
    "TL503",
    rung=4,
    severity=Severity.WARNING,
    needs=("evaluations",),
    limits=Limits,
    plants=(
        Plant(
            "sequence_rnn",
            "    @torch.no_grad()\n    def evaluate(self):\n        self.model.eval()\n"
            "        n_right = sum(((self.model(x) > 0) == (y > 0.5)).sum().item() for x, y in self.test_loader)\n"
            "        return n_right / len(self.test_loader.dataset)\n",
            "    def evaluate(self):\n        self.model.eval()\n"
            "        scores = [self.model(x) for x, _ in DataLoader(self.test_loader.dataset, batch_size=50)]\n"
            "        wanted = self.test_loader.dataset.tensors[1]\n"
            "        return ((torch.cat(scores) > 0) == (wanted > 0.5)).float().mean().item()\n",
        ),
        Plant(
            "finetune",
            "    with torch.no_grad():\n"
            "        n_right = sum((net(xb).argmax(dim=1) == yb).sum().item() for xb, yb in loader)\n",
            "    small = DataLoader(loader.dataset, batch_size=16)\n"
            "    guesses = torch.cat([net(xb) for xb, _ in small])\n"
            "    n_right = (guesses.argmax(dim=1) == loader.dataset.tensors[1]).sum().item()\n",
        ),
    ),
    near_misses=(
        Plant("digits_mlp", "    with torch.no_grad():\n", "    with torch.set_grad_enabled(False):\n"),
        Plant(
            "digits_mlp",
            "    with torch.no_grad():\n        for xb, yb in loader:\n"
            "            n_right += (model(xb).argmax(dim=1) == yb).sum().item()\n",
            "    for xb, yb in loader:\n"
            "        scores = model(xb.requires_grad_())\n"
            "        n_right += (scores.argmax(dim=1) == yb).sum().item()\n"
            "        saliency = torch.autograd.grad(scores.max(dim=1).values.sum(), xb)[0].abs().mean()\n",
        ),
        Plant("digits_cnn", "    with torch.no_grad():\n", "    with torch.inference_mode():\n"),
    ),
)
def missing_no_grad(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the evaluating line that records most graphs."""
    groups: dict[object, list[EvaluationFact]] = {}
    for e in facts.evaluations or ():
        if e.with_grad == e.calls >= limits.calls and _is_evaluation(e):
            groups.setdefault((e.root, e.place), []).append(e)
    group = max(groups.values(), key=lambda g: sum(e.calls for e in g), default=None)
    if group is None:
        return
    most = max(group, key=lambda e: e.kept_graphs or 0)
    alive = most.kept_graphs or 0
    piled = alive >= limits.piled and alive >= limits.share * min(most.calls, 64)
    seen = [Measurement("evaluation calls that recorded a graph", sum(e.calls for e in group), expected=0)]
    if piled:
        seen.append(Measurement("of these, alive at the same time", alive, f"of {most.calls} in a pass", expected=0))
    words = "records graphs, and keeps them all" if piled else "records graphs that nobody differentiates"
    yield missing_no_grad.finding(
        f"the evaluation of `{most.root}` {words}",
        severity=Severity.WARNING if piled else Severity.NOTE,
        where=tuple(dict.fromkeys(p for p in (most.site, most.place) if p is not None)),
        seen=tuple(seen),
        remark="gradients are enabled",
        fixes=(Fix("evaluate under `with torch.no_grad()`", change=Change("without_grad")),),
    )


def _is_evaluation(e: EvaluationFact) -> bool:
    """Return whether a pass can be nothing else: in evaluation mode, or from a loader that is never trained on."""
    own = e.loader is not None and not e.loader_trained
    return e.place is not None and not e.loader_trained and not e.feeds_training and (own or not e.in_training_mode)
