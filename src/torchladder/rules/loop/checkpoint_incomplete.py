"""A restored model is not the one that was saved.

## What is wrong
What was saved is not all that the model's answers depend on: the running statistics of batch norm,
a table of words, the scale of the inputs are missing, or another model is put together around the
weights.

## Why it hurts
The weights are right and the answers are wrong: accuracy falls between the training run and the
program that loads its result, without any message.

## How it is found
The same data is evaluated right before a state is saved and right after it has been loaded, with no
step in between: the accuracies have to agree. Statistics that the state lacks, while it has the
weights of the same layer, are named.

## What to do
Save `model.state_dict()`, which holds parameters and buffers, and beside it whatever turns raw data
into inputs.

## When it is a false alarm
A state from another step is another model: only passes at the very step of the save are compared.

## Sources
Saving and loading models: https://pytorch.org/tutorials/beginner/saving_loading_models.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.core.loop_facts import RestoreFact
from torchladder.rules.outcome.held_out import standard_error
from torchladder.rules.registry import Plant, limit, rule

END = '        print(f"epoch {epoch + 1}  train loss {loss:.4f}  test accuracy {accuracy:.4f}")\n'
LAST = 'print(f"digits 5-9: test accuracy {accuracy(net, test_loader):.3f}")\n'
SAVED = (
    "{keep}\nnet = ConvNet(5)\nnet.load_state_dict(torch.load('m.pt'), strict=False)\n"
    "print(accuracy(net, test_loader))\n"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When two accuracies of one model differ."""

    errors: float = limit(4, unit="standard errors", why="chance alone does not part them so far")
    gap: float = limit(0.03, unit="accuracy", why="noise of the device stays far below")


@rule(
    "TL513",
    rung=4,
    severity=Severity.ERROR,
    needs=("restores", "evaluations"),
    limits=Limits,
    plants=(
        Plant("finetune", LAST, LAST + SAVED.format(keep="torch.save(dict(net.named_parameters()), 'm.pt')")),
        Plant(
            "finetune",
            LAST,
            LAST
            + SAVED.format(
                keep="torch.save({k: v for k, v in net.state_dict().items() if 'running' not in k}, 'm.pt')"
            ),
        ),
    ),
    near_misses=(
        Plant("finetune", LAST, LAST + SAVED.format(keep="torch.save(net.state_dict(), 'm.pt')")),
        Plant(
            "digits_cnn",
            END,
            END + "        torch.save(model.state_dict(), 'm.pt')\n        model.load_state_dict(torch.load('m.pt'))\n",
        ),
    ),
)
def checkpoint_incomplete(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first restored model that answers otherwise, or lacks its statistics."""
    passes = {e.index: e for e in facts.evaluations or ()}
    for r in facts.restores or ():
        if r.action != "load":
            continue
        pair = _pair(r, passes)
        if pair is not None and _apart(*pair, limits):
            yield _finding(r, pair)
            return
        if r.missing_statistics and r.evaluated_after and not r.steps_after:
            yield _finding(r, pair)
            return


def _pair(r: RestoreFact, passes: dict[int, EvaluationFact]) -> tuple[EvaluationFact, EvaluationFact] | None:
    """Return the passes over the same data before the save and after the load."""
    before, after = (passes.get(i) if i is not None else None for i in (r.before, r.after))
    if before is None or after is None or before.accuracy is None or after.accuracy is None:
        return None
    same = before.rows == after.rows and before.data == after.data and before.kind == after.kind
    modes = (before.in_training_mode, after.in_training_mode) == (0, 0)
    return (before, after) if same and modes and before.majority == after.majority else None


def _apart(before: EvaluationFact, after: EvaluationFact, limits: Limits) -> bool:
    """Return whether the accuracy fell by more than chance."""
    assert before.accuracy is not None
    assert after.accuracy is not None
    fall = before.accuracy - after.accuracy
    return fall > max(limits.gap, limits.errors * standard_error(before.accuracy, before.rows))


def _finding(r: RestoreFact, pair: tuple[EvaluationFact, EvaluationFact] | None) -> Finding:
    """Return the finding."""
    seen = []
    if pair is not None and pair[0].accuracy is not None and pair[1].accuracy is not None:
        figure = f"{pair[0].accuracy:.1%}, {pair[1].accuracy:.1%}"
        seen.append(Measurement("accuracy before saving, and after loading", figure, expected="the same"))
    missing = r.missing_statistics
    if missing:
        seen.append(Measurement("statistics that the state lacks", len(missing), expected=0))
    what = "running statistics of its batch norm are missing" if missing else "something is missing"
    return checkpoint_incomplete.finding(
        f"the restored model is not the one that was saved: {what}",
        where=tuple(dict.fromkeys(p for p in (r.saved, r.place) if p is not None)),
        seen=tuple(seen),
        notes=(f"not in the state: {', '.join(missing[:3])}",) if missing else (),
        fixes=(Fix("save model.state_dict(), with its buffers, and what prepares the inputs"),),
    )
