"""A checkpoint is given back in part, or saved in a form that does not last.

## What is wrong
`load_state_dict(strict=False)` finds none (or few) of the weights because the keys have another
prefix, and says nothing; a run is resumed without the optimizer's state although it was saved; the
whole module is pickled instead of its state.

## Why it hurts
The model keeps the random weights it was made with. Without its state, Adam begins with a jolt that
undoes part of the training. A pickled module can be read only by the very code that wrote it.

## How it is found
Keys of the state are compared with the model's, with and without a prefix. What a file held is
compared with what was given back before training went on.

## What to do
Strip the prefix from the keys and load with `strict=True`; load the optimizer's state too; save
`model.state_dict()`.

## When it is a false alarm
A new head on a pretrained backbone leaves out a few keys on purpose: most weights are found then.
Files without the state of an optimizer are meant for inference or fine-tuning. A pickled module is a note.

## Sources
Saving and loading models: https://pytorch.org/tutorials/beginner/saving_loading_models.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.core.loop_facts import RestoreFact
from torchladder.rules.registry import Plant, limit, rule

PREFIXED = (
    "model = MLP()\ntorch.save({{'module.' + k: v for k, v in model.state_dict().items()}}, 'start.pt')\n"
    "model = MLP()\nstate = torch.load('start.pt')\n{load}\n"
)
RESUMED = (
    "    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)\n"
    "    for epoch in range(2):\n        train(model, train_loader, optimizer)\n"
    "    torch.save({{'model': model.state_dict(), 'optimizer': optimizer.state_dict()}}, 'run.pt')\n"
    "    saved = torch.load('run.pt')\n    model = Net()\n    model.load_state_dict(saved['model'])\n"
    "    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)\n{load}"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When leaving out is losing."""

    found: float = limit(
        0.5, unit="share of the parameters", why="a new head leaves out far less than half of the keys"
    )
    fitting: float = limit(0.5, unit="share of the keys left over", why="keys that fit but for a prefix were meant")
    stateful: float = limit(1, unit="optimizer steps after it", why="a model that is only evaluated needs no optimizer")


@rule(
    "TL508",
    rung=4,
    severity=Severity.WARNING,
    needs=("restores",),
    limits=Limits,
    plants=(
        Plant("digits_mlp", "model = MLP()\n", PREFIXED.format(load="model.load_state_dict(state, strict=False)")),
        Plant("digits_cnn", "    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)\n", RESUMED.format(load="")),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "model = MLP()\n",
            PREFIXED.format(load="model.load_state_dict({k.removeprefix('module.'): v for k, v in state.items()})"),
        ),
        Plant(
            "digits_cnn",
            "    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)\n",
            RESUMED.format(load="    optimizer.load_state_dict(saved['optimizer'])\n"),
        ),
    ),
)
def checkpoint_misuse(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first line that loses what a checkpoint held."""
    restores = facts.restores or ()
    for r in restores:
        if r.action == "load" and not r.strict and _lost(r, limits):
            yield checkpoint_misuse.finding(
                f"`load_state_dict(strict=False)` finds {r.matched} of {r.parameters} parameters: the keys differ",
                severity=Severity.ERROR if r.matched == 0 else Severity.WARNING,
                where=(r.place,) if r.place else (),
                seen=(
                    Measurement("parameters found in the state", r.matched, f"of {r.parameters}", r.parameters),
                    Measurement("keys left over that fit but for a prefix", r.fitting, f"of {r.unexpected}", 0),
                ),
                fixes=(Fix("bring the keys to the model's names and load with strict=True"),),
            )
            return
    for r in restores:
        resumed = r.action == "load" and r.held_optimizer and not r.optimizer_loaded
        if resumed and r.steps_after >= limits.stateful and r.optimizer_type not in {None, "SGD"}:
            yield checkpoint_misuse.finding(
                f"training goes on from a checkpoint without the state of its `{r.optimizer_type}`",
                where=(r.place,) if r.place else (),
                seen=(Measurement("optimizer steps after it was loaded", r.steps_after),),
                notes=("the file holds the optimizer's state, but no optimizer was given it",),
                fixes=(Fix("call optimizer.load_state_dict() with the saved state"),),
            )
            return
    for r in restores:
        if r.action == "save" and r.whole:
            yield checkpoint_misuse.finding(
                "a whole module is pickled, not its state",
                severity=Severity.NOTE,
                where=(r.place,) if r.place else (),
                fixes=(Fix("save model.state_dict()"),),
            )
            return


def _lost(r: RestoreFact, limits: Limits) -> bool:
    """Return whether most weights were left out although the state had them under other names."""
    few = r.matched < limits.found * r.parameters
    return few and r.unexpected > 0 and r.fitting >= limits.fitting * r.unexpected
