"""A call in the forward pass cuts parameters off from the loss.

## What is wrong
`.data`, `.detach()`, `.item()`, a NumPy round trip, `torch.tensor(...)` of a result or a `no_grad`
block stands between parameters and the loss.

## Why it hurts
Everything before the cut gets no gradient and keeps its random start. The rest learns on random
features: the loss falls a little and stalls. If all of it is cut off, `backward()` stops with
`element 0 of tensors does not require grad`.

## How it is found
Parameters that the forward pass used, that an optimizer holds and that no loss reaches in any of
the observed steps are traced to the call at which their path ends.

## What to do
Pass the tensor itself on; detach only what is logged or kept.

## When it is a false alarm
Stop-gradients on purpose: targets and teachers moved by averaging (their numbers change without a
gradient), frozen or pretrained features under `no_grad`, truncated back-propagation (reached within
the window), critics on shared features and GAN steps (another loss reaches them), codebooks updated
by hand, heads whose output no loss uses, parameters that no optimizer holds.

## Sources
Locally disabling gradients: https://pytorch.org/docs/stable/notes/autograd.html
A detached extractor in the wild: https://github.com/lucidrains/CoCa-pytorch/issues/6
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts, ParameterFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import NoLimits, Plant, rule

NO_GRADIENT = "does not require grad and does not have a grad_fn"
AVERAGED = ("target", "teacher", "ema", "momentum", "slow", "old", "shadow", "key")


@rule(
    "TL213",
    rung=2,
    severity=Severity.ERROR,
    needs=("parameters",),
    explains=("TL220", "TL221", "TL310", "TL402", "TL407"),
    plants=(
        Plant(
            "sequence_rnn",
            "last = self.drop(states[:, -1])",
            "last = self.drop(states[:, -1].data)",
        ),
        Plant("tiny_lm", "x = block(x)", "x = block(x).detach()"),
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "loss = criterion(model(xb).detach(), yb)",
            crashes=True,
        ),
    ),
    near_misses=(
        Plant("digits_mlp", "x = self.drop(x)", "x = self.drop(x) + 0.1 * x.detach()"),
        Plant(
            "finetune",
            "for p in net.features.parameters():\n    p.requires_grad = False",
            "net.features = net.features.requires_grad_(False)",
        ),
    ),
)
def detached_graph(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one finding for each phase in which parameters are cut off from the loss."""
    crashed = _crash(facts)
    if crashed is not None:
        yield crashed
        return
    reached = {p.name for p in facts.parameters or () if p.reached}
    lost = [p for p in facts.parameters or () if _cut_off(p) and p.name not in reached]
    for phase in sorted({p.phase for p in lost}):
        here = [p for p in lost if p.phase == phase]
        n_used = sum(p.phase == phase and p.registered and p.requires_grad for p in facts.parameters or ())
        yield _finding(
            here,
            f"no gradient reaches {len(here)} of the model's {n_used} parameters",
            lines(*(p.cut for p in here))[:3],
        )


def _cut_off(p: ParameterFact) -> bool:
    """Return whether a parameter is used and meant to train, and a call cuts it from the loss."""
    meant = p.registered and p.requires_grad and p.in_any_optimizer and p.fresh is not False
    name = p.name.lower()
    averaged = any(part.startswith(AVERAGED) for part in name.replace("_", ".").split("."))
    moved = p.changed is True or (averaged and "no_grad" in (p.cut_by or ""))
    return meant and not p.reached and p.used is True and p.cut is not None and not moved


def _crash(facts: Facts) -> Finding | None:
    """Return a finding when backward stopped for want of a path to parameters that require grad."""
    error = facts.program.error if facts.program is not None else None
    if error is None or NO_GRADIENT not in error.message:
        return None
    last = max((p.phase for p in facts.parameters or ()), default=0)
    here = [p for p in facts.parameters or () if p.phase == last]
    trainable = [p for p in here if p.registered and p.requires_grad]
    if not trainable:
        return None
    cuts = [p for p in trainable if p.cut is not None]
    places = lines(*(p.cut for p in cuts))[:2] + lines(*error.frames[-1:])
    message = f"the loss has no path to any of the model's {len(trainable)} parameters"
    return _finding(cuts or trainable, message, places)


def _finding(lost: list[ParameterFact], message: str, where: tuple[Place, ...]) -> Finding:
    """Return the finding about these parameters."""
    first = lost[0]
    change = None
    if first.cut is not None:
        site = {"path": first.cut.path, "line": first.cut.line, "function": first.cut_by}
        change = Change("skip_call", site)
    return detached_graph.finding(
        message,
        where=where,
        module=first.module,
        seen=(
            Measurement("parameters without a gradient in any step", len(lost), expected=0),
            Measurement("what cuts the graph", first.cut_by or "not found"),
        ),
        notes=(f"not reached: {', '.join(p.name for p in lost[:3])}",),
        remark="the graph ends here" if first.cut is not None else None,
        fixes=(
            Fix(
                "pass the tensor on without leaving the graph",
                Trust.LIKELY if change else Trust.IDEA,
                change,
            ),
        ),
        phase=first.phase,
    )
