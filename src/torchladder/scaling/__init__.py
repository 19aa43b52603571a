"""Scaling laws: how the loss falls with the samples and the parameters, and what that says about a larger run.

``fit`` fits a law to runs that were made, ``predict`` says what the law expects of another, ``check`` tells whether it
predicts runs that it was not given, and ``allocate`` spends a compute budget best. Everything that cannot be said
is refused with a reason (``NotFitted``). Never imports torch.
"""

from torchladder.scaling.allocation import Allocation, allocate
from torchladder.scaling.check import Check, Predicted, check
from torchladder.scaling.curves import Curve, Term
from torchladder.scaling.fit import Fit, Interval, fit, predict
from torchladder.scaling.runs import Law, NotFitted, Run

__all__ = [
    "Allocation",
    "Check",
    "Curve",
    "Fit",
    "Interval",
    "Law",
    "NotFitted",
    "Predicted",
    "Run",
    "Term",
    "allocate",
    "check",
    "fit",
    "predict",
]
