"""What else to change when the batch size is changed: the learning rate, by the rule of the optimizer.

Linear for SGD: Goyal et al., "Accurate, large minibatch SGD" (2017). Square root for Adam and its kin: Malladi et al.,
"On the SDEs and scaling rules for adaptive gradient algorithms" (2022).
"""

import math

from torchladder.training.recipe import Recipe


def rate_advice(before: Recipe, after: Recipe) -> str | None:
    """Return a sentence where the samples of a step have changed and the learning rate has not; None otherwise."""
    old = before.training.batch_size * before.training.accumulate
    new = after.training.batch_size * after.training.accumulate
    if old == new or before.optimizer.lr != after.optimizer.lr:
        return None
    linear = after.optimizer.name == "sgd"
    rate = after.optimizer.lr * (new / old if linear else math.sqrt(new / old))
    rule = "linear scaling, for sgd" if linear else f"square-root scaling, for {after.optimizer.name}"
    proposal = f"{rate:.3g}"
    if "." not in proposal:
        proposal = f"{rate:.1e}" if "e" in proposal else f"{proposal}.0"
    return (
        f"a step has {new} samples instead of {old}: lr {after.optimizer.lr:g} would become {proposal} "
        f"({rule}); it was left as it is, --change lr={proposal} takes it over"
    )
