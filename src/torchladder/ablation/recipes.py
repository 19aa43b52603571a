"""An ablation of a recipe: what its changes make of it, each checked before anything is run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchladder.ablation.changes import BASELINE, Variant, check_distinct, split_all
from torchladder.ablation.job import Job
from torchladder.ablation.plan import Plan
from torchladder.core.errors import UsageError
from torchladder.runs.fingerprint import fingerprint
from torchladder.training.measures import LOWER_IS_BETTER
from torchladder.training.recipe import Recipe
from torchladder.training.recipe_file import changed, full_key, nearest

# With another held-out side or other labels the two figures are not of the same thing.
SPLIT = {"train", "val", "test", "task", "label", "group", "classes", "val_share", "split_seed"}
KNOWN = (
    "accuracy", "macro_recall", "macro_f1", "loss", "calibration_error", "auroc", "auprc", "rmse", "mae", "r2",
)  # fmt: skip
LOWER = {*LOWER_IS_BETTER, "calibration_error"}


def plan_of(
    recipe: Recipe, title: str, changes: Sequence[str], *, seeds: int, runs: Path, metric: str = "", threads: int = 1
) -> Plan:
    """Return the plan of an ablation.

    Args:
        recipe: The baseline.
        title: What it is called.
        changes: As ``--change`` gives them.
        seeds: The most seeds of each; they count on from the recipe's own.
        runs: Folder of the records.
        metric: What is compared; "" for what chooses the best weights.
        threads: Of each run.

    Raises:
        UsageError: If a change is none, changes nothing, or changes what is compared.
    """
    if metric and metric not in KNOWN:
        msg = f"{metric} is no metric of a training{nearest(metric, KNOWN)}; known: {', '.join(KNOWN)}"
        raise UsageError(msg)
    base = recipe.model_copy(update={"data": recipe.data.model_copy(update={"test": None})})
    told = ["the test side is not looked at"] if recipe.data.test else []
    recipes: dict[str, Recipe] = {BASELINE: base}
    variants = [Variant(BASELINE)]
    for parts in split_all(changes):
        variant, made = _variant(base, parts)
        recipes[variant.name] = made
        variants.append(variant)
    check_distinct(variants[1:])
    prints, cwd = _prints(base), str(Path.cwd())

    def job(variant: Variant, seed: int) -> Job:
        seeded = recipes[variant.name].model_copy(update={"seed": seed})
        dump = seeded.model_dump()
        name = f"ablate {variant.name} seed {seed}"
        identity = {"recipe": dump, "data": prints, "code": _code(seeded)}
        content = {"recipe": dump, "runs": str(runs.absolute()), "name": name, "cwd": cwd}
        return Job("recipe", variant.name, seed, content, identity, threads)

    # The simplest predictors see the labels and, of a table, the inputs: model and loop do not matter to them.
    plain = {"recipe": {"data": base.data.model_dump()}}
    simple = Job("simple", "simplest", 0, {**plain, "cwd": cwd}, {**plain, "data": prints}, threads)
    numbers = range(recipe.seed, recipe.seed + seeds)
    lower = metric in LOWER if metric else None
    return Plan(title, variants, numbers, job, simple, metric, lower, told=told)


def _variant(base: Recipe, parts: tuple[str, ...]) -> tuple[Variant, Recipe]:
    name = ",".join(parts)
    made = changed(base, parts)
    whole = []
    for part in parts:
        key, _, text = part.partition("=")
        key = full_key(key.strip())
        _check_key(key, name)
        whole.append(f"{key}={text.strip()}")
        if changed(base, [part]) == base:
            msg = f"--change {name}: {key} is {text.strip()} in the recipe already, so it would change nothing"
            raise UsageError(msg)
    return Variant(name, parts, frozenset(whole)), made


def _check_key(key: str, name: str) -> None:
    """Refuse to change what the comparison rests on.

    Raises:
        UsageError: If the key is one of these.
    """
    if key == "seed":
        msg = f"--change {name}: the seeds are the repeats here; --seeds says how many"
        raise UsageError(msg)
    section, _, last = key.partition(".")
    if section == "data" and last in SPLIT:
        msg = f"--change {name}: {key} changes which samples are compared, so the difference would say nothing"
        raise UsageError(msg)


def _prints(recipe: Recipe) -> dict[str, Any]:
    """Return what identifies the data and the weights that runs start from."""
    named = {"train": recipe.data.train, "val": recipe.data.val, "weights": recipe.model.weights}
    return {role: fingerprint([Path(name)])["sha256"] for role, name in named.items() if name and Path(name).exists()}


def _code(recipe: Recipe) -> dict[str, str]:
    """Return what identifies the user's own factory of models, and weights that only this variant starts from."""
    file = Path(recipe.model.name.partition(":")[0])
    weights = Path(recipe.model.weights or "")
    found = {"factory": file} if ".py:" in recipe.model.name else {}
    found |= {"weights": weights} if recipe.model.weights else {}
    return {role: fingerprint([path])["sha256"] for role, path in found.items() if path.exists()}
