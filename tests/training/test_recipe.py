"""Recipes: strict values, complaints that name the line and the nearest key, changes, and a round trip."""

import json
from pathlib import Path

import pytest

from torchladder.core.errors import UsageError
from torchladder.training import recipe_file
from torchladder.training.advice import rate_advice
from torchladder.training.recipe import Recipe, keys, sections

WRONG = [
    ("optimizer:\n  lr: 1e-3\n", "line 2: optimizer.lr is the text '1e-3'", "write 0.001 or 1.0e-3"),
    ("optimizer:\n  lr: 3e3\n", "optimizer.lr is the text '3e3'", "write 3000.0 or 3.0e+3"),
    ("augment:\n  mixupp: 0.2\n", "line 2: augment.mixupp is no key", "the nearest: augment.mixup"),
    ("trainig:\n  epochs: 3\n", "trainig is no key", "the nearest: training"),
    ("training: {epochs: 2.5}\n", "training.epochs is 2.5", "a whole number"),
    ("training: {epochs: '3'}\n", "training.epochs is '3'", "a whole number"),
    ("training: {epochs: true}\n", "training.epochs is true", "a whole number"),
    ("training: {epochs: 0}\n", "training.epochs is 0", "greater than or equal to 1"),
    ("training: {compile: 1}\n", "training.compile is 1", "true or false"),
    ("optimizer: {name: adamww}\n", "optimizer.name is 'adamww'", "the nearest: adamw"),
    ("optimizer: {schedule: cosin}\n", "not one of cosine, constant", "the nearest: cosine"),
    ("model: {mean: 0.5}\n", "model.mean is 0.5", "a list of numbers"),
    ("training: 3\n", "training is 3", "a section with keys of its own"),
    ("seed: 1\nseed: 2\n", "gives seed twice", "lines 1 and 2"),
    ("seed: [1\n", "is no YAML", "line 2"),
    ("- 1\n", "is no recipe", "data:"),
]


@pytest.mark.parametrize(("text", "what", "hint"), WRONG)
def test_a_wrong_recipe_gets_one_sentence(text: str, what: str, hint: str) -> None:
    """The sentence names the place, what is wrong, and what may have been meant."""
    with pytest.raises(UsageError) as caught:
        recipe_file.parse(text, "recipe.yaml")

    assert what in str(caught.value)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_names_its_neighbours(tmp_path: Path) -> None:
    """A slip in a file's name is answered with the name."""
    (tmp_path / "flowers.yaml").write_text("seed: 1\n")

    with pytest.raises(UsageError, match=r"there is no recipe .*flower\.yaml; the nearest: flowers\.yaml"):
        recipe_file.load(tmp_path / "flower.yaml")


def test_whole_numbers_are_numbers() -> None:
    """``lr: 1`` is a rate of one; only texts are refused."""
    assert recipe_file.parse("optimizer: {lr: 1}\n", "r").optimizer.lr == 1.0


def test_an_empty_section_is_its_defaults() -> None:
    """A section with all its keys commented out is no mistake."""
    assert recipe_file.parse("training:\nseed: 3\n", "r") == Recipe(seed=3)


def test_what_is_written_reads_back_the_same() -> None:
    """The recipe in a run's folder is the recipe that was used, small rates included."""
    recipe = recipe_file.changed(
        Recipe(), ["lr=0.00001", "mixup=0.2", "model=small_cnn", "mean=[0.5]", "std=[0.25]", "val='yes: no'", "seed=7"]
    )

    assert recipe_file.parse(recipe_file.written(recipe), "written") == recipe
    assert recipe.data.val == "yes: no"


def test_json_reads_back_the_same(tmp_path: Path) -> None:
    """A record keeps its configuration as JSON, in which 1e-05 is a number."""
    recipe = recipe_file.changed(Recipe(), ["lr=0.00001"])
    path = tmp_path / "config.json"
    path.write_text(json.dumps(recipe.model_dump()))

    assert "1e-05" in path.read_text()
    assert recipe_file.load(path) == recipe


def test_a_change_finds_its_key_by_the_last_part() -> None:
    """``mixup`` is ``augment.mixup``; a section's name is that section's ``name``; ambiguous parts are refused."""
    assert recipe_file.full_key("mixup") == "augment.mixup"
    assert recipe_file.full_key("schedule") == "optimizer.schedule"
    assert recipe_file.full_key("model") == "model.name"
    with pytest.raises(UsageError, match=r"name may be model\.name or optimizer\.name or loss\.name"):
        recipe_file.full_key("name")
    with pytest.raises(UsageError, match=r"mixupp is no key of a recipe; the nearest: augment\.mixup"):
        recipe_file.full_key("mixupp")
    with pytest.raises(UsageError, match="not of the form key=value"):
        recipe_file.changed(Recipe(), ["mixup"])
    with pytest.raises(UsageError, match=r"--change lr=1e-3: optimizer\.lr is the text '1e-3'"):
        recipe_file.changed(Recipe(), ["lr=1e-3"])


def test_every_key_is_explained() -> None:
    """Each key has its meaning; the written recipe carries it."""
    text = recipe_file.written(Recipe())
    for part, kind in sections().items():
        for name, field in kind.model_fields.items():
            assert field.description, f"{part}.{name}"
            assert str(field.description) in text, f"{part}.{name}"
    assert len(keys()) == len(set(keys()))


@pytest.mark.parametrize(
    ("change", "proposal"),
    [
        (["batch_size=256", "optimizer=sgd"], "lr 0.001 would become 0.004 (linear scaling, for sgd)"),
        (["batch_size=256"], "lr 0.001 would become 0.002 (square-root scaling, for adamw)"),
        (["accumulate=4"], "lr 0.001 would become 0.002"),
        (["batch_size=32", "accumulate=2"], None),
        (["batch_size=256", "lr=0.002"], None),
        (["epochs=3"], None),
    ],
)
def test_a_changed_batch_size_proposes_a_rate(change: list[str], proposal: str | None) -> None:
    """Linear for SGD, square root for Adam; nothing where the step has as many samples, or the rate was changed too."""
    advice = rate_advice(Recipe(), recipe_file.changed(Recipe(), change))

    assert (advice is None) if proposal is None else (proposal in str(advice))


def test_the_proposal_is_accepted_as_a_change() -> None:
    """The words of the proposal can be typed as they are."""
    after = recipe_file.changed(Recipe(), ["batch_size=6400000", "lr=0.001"])
    advice = rate_advice(recipe_file.changed(Recipe(), ["batch_size=1"]), after)
    assert advice is not None
    change = advice.rpartition("--change ")[2].split()[0]

    assert recipe_file.changed(Recipe(), [change]).optimizer.lr == pytest.approx(0.001 * 6400000**0.5, rel=1e-2)
