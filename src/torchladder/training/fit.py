"""Whether weights see what they were made for: their batch norms remember the mean and variance that they are used to.

Wrong normalisation, or a variant of the model that takes the same weights (other padding, another epsilon), loads
without a word and computes something else. Both show where the pictures' statistics in every normalisation are compared
with the stored ones. Pictures of another kind differ as well, so that nothing is said of the distance itself: only
of another way to bring the same pictures before the same weights that comes clearly nearer.
"""

import math
from typing import Any

import torch
from torch import nn

from torchladder.core.errors import UsageError
from torchladder.training.models import BUILT_IN, Own, configured, timm_model
from torchladder.training.pictures import Look, Pictures
from torchladder.training.recipe import Recipe
from torchladder.training.sets_ready import Ready
from torchladder.training.weights import loaded, tensors_of

SAMPLES = 64  # held-out pictures that are looked at
CLEARLY = 0.7  # of the distance: a variant that is as good or a little better by chance is nothing to speak of
FEWEST = 8  # pictures whose statistics mean anything
TENSORFLOW = "tf_"  # how timm names variants with TensorFlow's padding and epsilon


def distance(module: nn.Module, x: torch.Tensor) -> float:
    """Return how far the statistics of inputs are from those that batch norms remember, averaged over all of them.

    Of a layer it is the mean over channels of (mean - stored)^2 / stored variance, and of the squared logarithm of the
    ratio of variances. NaN where the model has no batch normalisation of pictures.
    """
    found: list[float] = []

    def look(layer: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        h = inputs[0].float()
        mean, variance = h.mean((0, 2, 3)), h.var((0, 2, 3)) + layer.eps
        stored = layer.running_var + layer.eps
        shift = (mean - layer.running_mean) ** 2 / stored
        found.append(float(shift.mean() + ((variance / stored).log() ** 2).mean()))

    layers = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d) and m.track_running_stats]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    modes = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            module(x)
    finally:
        for hook in hooks:
            hook.remove()
        for m, mode in modes.items():
            m.training = mode
    return sum(found) / len(found) if found else math.nan


def misfit(recipe: Recipe, ready: Ready, module: nn.Module) -> str | None:
    """Return a sentence where weights fit another normalisation or another variant clearly better; else None."""
    name, side = recipe.model.name, ready.val
    own_kind = recipe.model.weights is None or name in (*BUILT_IN, "auto") or ".py:" in name
    if own_kind or not isinstance(side, Pictures) or len(side) < FEWEST:
        return None
    with torch.random.fork_rng(devices=[]):  # another model is made, whose first weights are drawn
        return _better(recipe, name, side, module)


def _better(recipe: Recipe, name: str, side: Pictures, module: nn.Module) -> str | None:
    places = [i * len(side) // min(SAMPLES, len(side)) for i in range(min(SAMPLES, len(side)))]
    x, _ = side.__getitems__(places)
    used = distance(module, x)
    if not math.isfinite(used):
        return None
    config = configured(name)
    sibling = name.removeprefix(TENSORFLOW) if name.startswith(TENSORFLOW) else f"{TENSORFLOW}{name}"
    found: list[tuple[float, str]] = []
    if config is not None and (config.mean, config.std) != (side.look.mean, side.look.std):
        theirs = f"model.mean: {list(config.mean)} and model.std: {list(config.std)}"
        found.append((distance(module, _again(x, side.look, config)), theirs))
    other, own = _sibling(sibling, recipe, x.shape[1]), configured(sibling)
    if other is not None and own is not None:
        found.append((distance(other, _again(x, side.look, own)), f"model.name: {sibling}"))
    best, what = min(found, default=(math.inf, ""))
    if best > CLEARLY * used:
        return None
    return (
        f"warning: these weights fit {what} better: {best:.2f} from the statistics that their batch norms remember, "
        f"against {used:.2f} as the recipe has it"
    )


def _again(x: torch.Tensor, look: Look, own: Own) -> torch.Tensor:
    """Return pictures normalised in another way."""
    mean, std, new_mean, new_std = (torch.tensor(v).view(-1, 1, 1) for v in (look.mean, look.std, own.mean, own.std))
    return (x * std + mean - new_mean) / new_std


def _sibling(name: str, recipe: Recipe, channels: int) -> nn.Module | None:
    """Return the other variant with the same weights, None where there is none that takes them."""
    module = timm_model(name, channels)
    if module is None or recipe.model.weights is None:
        return None
    try:
        loaded(module, tensors_of(recipe.model.weights), (), by_order=True)
    except UsageError:
        return None
    return module
