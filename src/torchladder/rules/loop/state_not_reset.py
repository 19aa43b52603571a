"""A state is carried from one batch to the next although the batches have nothing to do with each other.

## What is wrong
The recurrent network begins each batch with the state it ended the last one in, while the samples
come in random order; or a sum that a figure is made of is not set back to zero between epochs.

## Why it hurts
The first steps of every sequence are read in the light of a stranger's past: noise that the network
has to learn to ignore, and that is not there, or another one, at inference. A figure that is summed
up over epochs says nothing about the epoch it is printed for.

## How it is found
What recurrent layers and the model are given is compared, by value, with what they returned in the
training step before, and the order of the loader is read. Printed figures are compared with the
sums of the recomputed accuracies over the passes.

## What to do
Begin each batch with no state (leave the argument out, or pass zeros). Set sums to zero at the
start of each epoch.

## When it is a false alarm
Stateful training over contiguous text reads its batches in order, and is left alone, as are states
that are zero, and programs whose order of samples is not known.

## Sources
State of torch.nn.LSTM: https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.loop.printed import Series, printed_series
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When a carried state is a habit."""

    times: float = limit(3, unit="training steps", why="one hand-over may be a warm start")
    share: float = limit(0.7, unit="share of the steps looked at", why="the last, smaller batch of an epoch breaks it")
    passes: float = limit(3, unit="printed figures", why="sums of two may agree with something else")


@rule(
    "TL506",
    rung=4,
    severity=Severity.WARNING,
    needs=("states", "printed", "evaluations"),
    limits=Limits,
    explains=("TL216", "TL509"),
    plants=(
        Plant(
            "sequence_rnn",
            "        states, _ = self.rnn(torch.tanh(self.embed(x)))\n",
            "        h = getattr(self, 'h', None)\n"
            "        h = h if h is not None and h.shape[1] == len(x) else None\n"
            "        states, h = self.rnn(torch.tanh(self.embed(x)), h)\n"
            "        self.h = h.detach()\n",
        ),
        Plant(
            "digits_mlp",
            "    model.eval()\n    n_right = 0\n",
            "    global n_right\n    model.eval()\n    n_right = globals().get('n_right', 0)\n",
        ),
    ),
    near_misses=(
        Plant(
            "sequence_rnn",
            "        states, _ = self.rnn(torch.tanh(self.embed(x)))\n",
            "        states, _ = self.rnn(torch.tanh(self.embed(x)), x.new_zeros(1, len(x), 48))\n",
        ),
        Plant("digits_mlp", "    n_right = 0\n", "    n_right = 0.0\n"),
    ),
)
def state_not_reset(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first module that is given a stranger's state, or figure that is never set back."""
    for state in facts.states or ():
        if state.shuffled and state.times >= max(limits.times, limits.share * state.steps):
            whole = not state.module
            change = Change("reset_state", {"layer": state.layer, "whole": whole})
            yield state_not_reset.finding(
                f"`{state.layer}` begins each batch with the state of the last one, though batches are shuffled",
                where=(state.place,) if state.place else (),
                module=state.module or None,
                seen=(
                    Measurement("steps begun with the state of the step before", state.times, f"of {state.steps}", 0),
                ),
                remark="is given the last batch's state",
                fixes=(Fix("begin each batch without a state", change=change),),
                phase=state.phase,
            )
            return
    for series in printed_series(facts):
        if len(series.values) >= limits.passes and not series.follows("accuracy") and _summed(series):
            last = len(series.values) - 1
            yield state_not_reset.finding(
                "a printed figure adds up over the epochs: its sum is never set back to zero",
                where=tuple(dict.fromkeys(p for p in (series.fact.compared, series.fact.place) if p is not None)),
                seen=(
                    Measurement("printed after the last pass", series.values[last]),
                    Measurement("accuracy of that pass, recomputed", round(series.figure("accuracy")[last], 4)),
                    Measurement("sum of all passes so far", round(sum(series.figure("accuracy")), 4)),
                ),
                fixes=(Fix("set the sum to zero at the start of each pass"),),
            )
            return


def _summed(series: Series) -> bool:
    """Return whether the printed figure is the sum, or the mean, of all passes so far."""
    shares = series.figure("accuracy")
    sums = list(accumulate(shares))
    means = [total / (i + 1) for i, total in enumerate(sums)]
    return series.matches(sums) or series.matches(means)
