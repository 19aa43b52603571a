"""A model that is trained to predict the next element sees the elements after it.

## What is wrong
Attention without a causal mask (or a mask that is transposed, of the wrong sign or added after the
softmax), a bidirectional recurrent layer, a convolution padded on both sides, or statistics taken
over time let the output at t depend on inputs after t. The target at t is the input at t + 1.

## Why it hurts
The answer lies in the input. Training and validation loss fall far below what the data allows, and
the model writes nonsense, since there is no future to look at when it generates.

## How it is found
The targets are compared with the inputs: they are the inputs one position on. Then all inputs after
one position are replaced, in evaluation mode, and the outputs before it move.

## What to do
Mask: `is_causal=True`, or `scores.masked_fill(mask == 0, -inf)` before the softmax; pad convolutions
on the left only; make recurrent layers run one way.

## When it is a false alarm
Encoders, masked language models and tagging (their targets are not the next input), and prefixes
without a loss (only positions with a target are watched) are passed over.

## Sources
Attention Is All You Need, 3.2.3, on masking: https://arxiv.org/abs/1706.03762
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When the task is to predict the next element, and when a change is no rounding."""

    next_one: float = limit(0.98, unit="fraction of positions", why="a few targets are padding or noise")
    min_positions: float = limit(50, unit="positions", why="fewer could agree by chance")
    leak: float = limit(0.01, unit="relative change", why="rounding is below 1e-3 in half precision")


@rule(
    "TL217",
    rung=2,
    severity=Severity.ERROR,
    needs=("sequences",),
    limits=Limits,
    explains=("TL216",),
    plants=(
        Plant("tiny_lm", "is_causal=True", "is_causal=False"),
        Plant(
            "tiny_lm",
            "y = F.scaled_dot_product_attention(q, k, v, is_causal=True)",
            "scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5\n"
            '        scores = scores.masked_fill(torch.ones(t, t).tril() == 1, float("-inf")).nan_to_num(neginf=-1e9)\n'
            "        y = F.softmax(scores, dim=-1) @ v",
        ),
    ),
    near_misses=(
        Plant(
            "tiny_lm",
            "y = F.scaled_dot_product_attention(q, k, v, is_causal=True)",
            "scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5\n"
            '        scores = scores.masked_fill(torch.ones(t, t).tril() == 0, float("-inf"))\n'
            "        y = F.softmax(scores, dim=-1) @ v",
        ),
        Plant(
            "tiny_lm",
            "y = torch.stack([source[i + 1 : i + 1 + block_size] for i in starts])\n    return x, y",
            "y = x.clone()\n    return torch.where(torch.rand(x.shape) < 0.3, torch.zeros_like(x), x), y",
        ),
    ),
)
def future_leak(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase whose model looks at what it is to predict."""
    done = set()
    for s in facts.sequences or ():
        following = s.agreement.get("1", 0.0)
        if s.phase in done or s.positions < limits.min_positions or following < limits.next_one:
            continue
        if s.leak is None or s.leak <= limits.leak:
            continue
        done.add(s.phase)
        yield future_leak.finding(
            "the outputs at a position depend on later inputs, and the targets are the next inputs",
            where=lines(s.mixed, s.created, s.place),
            module=s.module,
            seen=(
                Measurement(
                    "change of earlier outputs when only later inputs change",
                    round(s.leak, 4),
                    unit="of the change of later outputs",
                    expected=0,
                ),
                Measurement("targets that equal the next input", following),
            ),
            notes=("asked in evaluation mode, so batch statistics and dropout play no part",),
            fixes=(Fix("mask the later positions in attention", change=Change("causal_mask")),),
            phase=s.phase,
        )
