"""The master table of a network that will not learn: symptom, likely cause, first thing to try.

A row is a pointer, not a finding: it proves nothing. ``torchladder explain symptoms`` prints it, and the full run's
rung names the row that the run shows.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symptom:
    """One row; ``key`` is what the recognition of it goes by."""

    key: str
    symptom: str
    cause: str
    first: str


TABLE = (
    Symptom(
        "at-chance",
        "the loss stays at ln K",
        "no gradient reaches the weights, the rate is far off, or the labels say nothing about the inputs",
        "torchladder overfit SCRIPT",
    ),
    Symptom(
        "nan-late",
        "NaN after a few steps",
        "the learning rate is too high, or gradients explode",
        "divide the learning rate by 10, then clip gradients by their global norm",
    ),
    Symptom(
        "nan-at-once",
        "NaN at once",
        "a logarithm of 0, a division by 0, or NaN in the data",
        "torchladder climb --to 1 SCRIPT",
    ),
    Symptom(
        "oscillating",
        "the loss oscillates",
        "the learning rate is too high, or the batches are too small or unshuffled",
        "torchladder lr SCRIPT",
    ),
    Symptom(
        "plateau",
        "the loss stands on a plateau",
        "the schedule has ended, the rate is too low, or the model is too small",
        "raise the learning rate or decay it later, then widen the model",
    ),
    Symptom(
        "train-high-test-low",
        "good on training data, poor on held-out data",
        "overfitting, or a split that does not hold",
        "stop at the best epoch; then more data or augmentation; then weight decay or dropout",
    ),
    Symptom(
        "both-at-chance",
        "training and held-out data both at chance",
        "the pipeline is broken: labels, loss or wiring",
        "torchladder climb --to 3 SCRIPT",
    ),
    Symptom(
        "both-low",
        "training and held-out data both poor",
        "underfitting: too little capacity or time, too much regularisation",
        "train longer, then without regularisation, then wider",
    ),
    Symptom(
        "zero-gradients",
        "all gradients are zero",
        "dead or saturated units, frozen parameters, or a cut graph",
        "torchladder climb --to 2 SCRIPT",
    ),
    Symptom(
        "out-of-memory",
        "out of memory",
        "the batch is too large, or graphs are kept from step to step",
        "halve the batch and accumulate gradients; look for kept losses",
    ),
)
