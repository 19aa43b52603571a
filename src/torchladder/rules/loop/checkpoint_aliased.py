"""A kept state is the live weights, and moves with them.

## What is wrong
`state_dict()` returns references to the weights, not copies. Kept as "best" or "initial" state and
given back later, it holds what the weights have become in the meantime.

## Why it hurts
Restoring changes nothing: the best epoch is lost, early stopping returns the last weights, and a
comparison that begins "from the same weights" begins where the run before ended.

## How it is found
The tensors of each state are remembered with the step at which they were taken. When a state is
loaded back (or saved as the best one) after further steps, their memory is compared with that of
the model's own weights.

## What to do
Keep `copy.deepcopy(model.state_dict())`, or save it to a file.

## When it is a false alarm
A state that is used before the next step, or taken anew for each use, is as good as a copy.

## Sources
Saving and loading models: https://pytorch.org/tutorials/beginner/saving_loading_models.html
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.core.loop_facts import RestoreFact
from torchladder.rules.registry import NoLimits, Plant, rule

LOOP_CNN = (
    "    for epoch in range(6):\n        loss = train(model, train_loader, optimizer)\n"
    "        accuracy = evaluate(model, test_loader)\n"
)


def _kept(copied: str) -> str:
    """Return the loop of a specimen that keeps its best state and loads it back after the last epoch."""
    return (
        "    best = 0.0\n"
        + LOOP_CNN
        + f"        if accuracy > best and epoch < 4:\n            best, state = accuracy, {copied}\n"
        + "        if epoch == 5:\n            model.load_state_dict(state)\n"
    )


@rule(
    "TL512",
    rung=4,
    severity=Severity.ERROR,
    needs=("restores",),
    plants=(
        Plant("digits_cnn", LOOP_CNN, _kept("model.state_dict()")),
        Plant(
            "autoencoder",
            "    for epoch in range(20):\n        model.train()\n",
            "    start = dict(model.state_dict())\n    for epoch in range(20):\n"
            "        if epoch == 10:\n            model.load_state_dict(start)\n        model.train()\n",
        ),
    ),
    near_misses=(
        Plant("digits_cnn", LOOP_CNN, _kept("__import__('copy').deepcopy(model.state_dict())")),
        Plant("digits_cnn", LOOP_CNN, LOOP_CNN + "        model.load_state_dict(model.state_dict())\n"),
    ),
)
def checkpoint_aliased(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001 - the signature of all checks
    """Yield one finding for the first state that has moved with the weights before it is used."""
    used = [r for r in facts.restores or () if r.stale and r.taken_step is not None]
    loads = [r for r in used if r.action == "load"]
    # What is saved once, after steps, although taken again and again before: the best one was meant.
    saves = [r for r in used if r.action == "save" and r.stale == r.times and (r.taken_step or 0) > 0]
    for found in [*loads, *saves]:
        yield _finding(found)
        return


def _finding(found: RestoreFact) -> Finding:
    """Return the finding, at the line that took the state."""
    load = found.action == "load"
    use = "restoring it changes nothing" if load else "what is saved is the last state"
    places = (found.taken, found.place)
    taken = found.taken
    change = (
        Change("copy_state_dict", {"path": taken.path, "line": taken.line, "until": found.step + 1})
        if taken is not None
        else None
    )
    return checkpoint_aliased.finding(
        f"a kept `state_dict()` moves with the weights: {use}",
        severity=Severity.ERROR if load else Severity.WARNING,
        where=tuple(dict.fromkeys(p for p in places if p is not None)),
        seen=(
            Measurement("optimizer steps between taking and using it", found.step - (found.taken_step or 0)),
            Measurement("uses in which it held the live weights", found.stale, f"of {found.times}", expected=0),
        ),
        remark="refers to the weights themselves",
        fixes=(Fix("keep a copy: copy.deepcopy(model.state_dict())", change=change),),
    )
