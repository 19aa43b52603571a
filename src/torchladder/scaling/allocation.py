"""How large a model, and how much data: the best use of a compute budget under a joint law."""

import math
from dataclasses import dataclass

from torchladder.scaling.curves import Curve
from torchladder.scaling.fit import LEVEL, Fit, Interval
from torchladder.scaling.runs import Law, NotFitted

FLOPS = 6.0  # a parameter and sample: two forward, four backward (Kaplan et al. 2020, section 2.1)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Parameters and samples with the least loss for a budget, and that loss."""

    flops: float
    parameters: Interval
    samples: Interval
    loss: Interval


def allocate(fitted: Fit, flops: float, *, level: float = LEVEL) -> Allocation:
    """Return the parameters N and samples D with the least loss under flops = 6 N D.

    Raises:
        NotFitted: When the law is not a joint one, or one of its terms does not fall.

    Source:
        Hoffmann et al., Training Compute-Optimal Large Language Models, 2022, equation 4.
    """
    if fitted.law is not Law.JOINT:
        msg = "a budget is split between parameters and samples by a law of both"
        raise NotFitted(msg)
    if not (math.isfinite(flops) and flops > 0):
        msg = "a compute budget is finite and above 0"
        raise NotFitted(msg)
    middle = optimum(fitted.curve, flops)
    drawn = [found for curve in fitted.draws if (found := _optimum_or_none(curve, flops)) is not None]
    if len(drawn) <= level * len(fitted.draws):
        msg = "too many fits as likely as this one have a term that does not fall: the runs do not tell both apart"
        raise NotFitted(msg)
    n, d, loss = (fitted.interval_of([v[i] for v in drawn], middle[i], level) for i in range(len(middle)))
    return Allocation(flops, n, d, loss)


def optimum(curve: Curve, flops: float) -> tuple[float, float, float]:
    """Return N, D and the loss at the optimum of one law; NotFitted when a term does not fall."""
    found = _optimum_or_none(curve, flops)
    if found is None:
        msg = "a term of the law does not fall with its size, so no budget has a best use"
        raise NotFitted(msg)
    return found


def _optimum_or_none(curve: Curve, flops: float) -> tuple[float, float, float] | None:
    model, data = curve.terms
    if min(model.coefficient, data.coefficient, model.exponent, data.exponent) <= 0:
        return None
    work = math.log(flops / FLOPS)
    total = model.exponent + data.exponent
    ratio = math.log(model.exponent * model.coefficient) - math.log(data.exponent * data.coefficient)
    log_n = (ratio + data.exponent * work) / total
    n, d = math.exp(log_n), math.exp(work - log_n)
    return n, d, curve.loss(parameters=n, samples=d)
