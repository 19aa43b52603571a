"""Pictures that do not fit into memory: shrunk as they are read, or decoded batch by batch, with the same bits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from torchladder.cli.main import main
from torchladder.core.errors import ProgramError
from torchladder.training import recipe_file
from torchladder.training.held import OnDemand, OnDisk
from torchladder.training.pictures import Pictures
from torchladder.training.recipe import Recipe
from torchladder.training.samples import Samples
from torchladder.training.sets_ready import Ready, fit_of, ready
from torchladder.training.sides import read_sides

MEGABYTE = 1 / 1024  # of data.memory's unit


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Return a folder of pictures of several sizes and kinds: colour, grey, with transparency, one of 16 bits."""
    rng = np.random.default_rng(0)
    for i in range(60):
        height, width = 40 + i % 7, 52 - i % 5
        level = 60 + 120 * (i % 2)
        pixels = rng.integers(level - 60, level + 60, (height, width, 3)).astype(np.uint8)
        made = Image.fromarray(pixels)
        made = [made, made.convert("L"), made.convert("RGBA"), made][i % 4]
        if i % 4 == 3:
            made = Image.fromarray(pixels[..., 0].astype(np.uint16) * 200)
        folder = tmp_path / "photographs" / ("dark", "light")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        made.save(folder / f"{i:03}.png")
    return tmp_path / "photographs"


def data_of(folder: Path, *changes: str, fit: bool = True) -> tuple[Recipe, Ready, list[str]]:
    """Return a recipe's data, and what was told of it."""
    recipe = recipe_file.changed(Recipe(), [f"train={folder}", *changes])
    sides = read_sides(recipe.data, fit_of(recipe) if fit else None)
    return recipe, ready(recipe, sides), sides.told


def pixels_of(samples: Samples) -> Any:
    """Return what holds the pixels of a side."""
    assert isinstance(samples, Pictures)
    return samples.pixels


def everything(made: Ready) -> list[torch.Tensor]:
    """Return all inputs of two epochs of training, and the held-out ones."""
    n = len(made.train)
    return [
        *(made.train.__getitems__([epoch * n + i for i in range(n)])[0] for epoch in range(2)),
        made.val.__getitems__(list(range(len(made.val))))[0],
    ]


@pytest.mark.parametrize("changes", [[], ["size=16"], ["size=16", "crop=0.5", "flip=true"], ["crop=0.5"], ["size=48"]])
def test_neither_way_changes_a_bit(photographs: Path, changes: list[str]) -> None:
    """Read whole and brought to their size later, brought to it as they are read, or decoded batch by batch."""
    _, late, _ = data_of(photographs, *changes, fit=False)
    _, early, told = data_of(photographs, *changes)
    _, demanded, more = data_of(photographs, *changes, "memory=0.00001")

    assert isinstance(pixels_of(demanded.train), OnDemand)
    assert not isinstance(pixels_of(early.train), OnDemand)
    assert any("decoded batch by batch" in words for words in more)
    assert not any("decoded batch by batch" in words for words in told)
    assert early.preparation == late.preparation == demanded.preparation
    for other in (early, demanded):
        for a, b in zip(everything(late), everything(other), strict=True):
            assert torch.equal(a, b)


def test_pictures_of_one_size_keep_it(pictures: Path) -> None:
    """Without a size in the recipe, the common one is kept, also on demand."""
    _, held, _ = data_of(pictures)
    _, demanded, _ = data_of(pictures, "memory=0.00001")

    assert held.shape.sample == demanded.shape.sample == (1, 16, 16)
    for a, b in zip(everything(held), everything(demanded), strict=True):
        assert torch.equal(a, b)


def test_what_counts_is_the_size_that_is_trained_on(photographs: Path) -> None:
    """Pictures that are large on the disk and small in training fit where they would not as they are."""
    room = f"memory={0.12 * MEGABYTE}"  # 60 of about 50 x 40 are more, and 60 of 16 x 16 are less

    assert not isinstance(pixels_of(data_of(photographs, "size=16", room)[1].train), OnDemand)
    assert isinstance(pixels_of(data_of(photographs, "size=48", room)[1].train), OnDemand)


def test_the_sides_share_the_room(photographs: Path) -> None:
    """What training takes is not there for the held-out side."""
    both = ["size=16", f"val={photographs}"]

    enough = data_of(photographs, *both, f"memory={0.2 * MEGABYTE}")[1]
    scarce = data_of(photographs, *both, f"memory={0.05 * MEGABYTE}")[1]
    assert not isinstance(pixels_of(enough.val), OnDemand)
    assert not isinstance(pixels_of(scarce.train), OnDemand)
    assert isinstance(pixels_of(scarce.val), OnDemand)


@pytest.mark.parametrize("changes", [[], ["crop=0.5"], ["size=16", "crop=0.5"]])
def test_a_side_of_its_own_is_brought_to_the_size_of_training(photographs: Path, changes: list[str]) -> None:
    """Whatever is done to training pictures, held-out ones are the same read early and late."""
    both = [*changes, f"val={photographs}"]
    _, late, _ = data_of(photographs, *both, fit=False)
    _, early, _ = data_of(photographs, *both)

    assert torch.equal(everything(late)[-1], everything(early)[-1])


def result(tmp_path: Path, *words: str) -> dict[str, Any]:
    """Return the figures of a training that must succeed."""
    assert main(["train", "--no-ladder", "--no-watch", "-q", "--json", "result.json", "--force", *words]) == 0
    made: dict[str, Any] = json.loads((tmp_path / "result.json").read_text())
    return made


def test_a_folder_beyond_memory_is_trained_on(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without workers, the training ends with the weights of one in memory."""
    monkeypatch.chdir(tmp_path)
    words = ["--data", str(photographs), "--change", "size=16", "--change", "epochs=2", "--change", "width=8"]
    held = result(tmp_path, *words)
    alone = result(tmp_path, *words, "--change", "memory=0.00001")
    worked = result(tmp_path, *words, "--change", "memory=0.00001", "--change", "workers=2")

    assert held["parameter_sum"] == alone["parameter_sum"] == worked["parameter_sum"]
    assert held["val"] == alone["val"] == worked["val"]


def test_what_cannot_be_decoded_again_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Arrays in one file are held or not learnt from, and the sentence says what to do."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("p.npz", x_train=rng.integers(0, 255, (50, 16, 16, 3)).astype(np.uint8), y_train=np.arange(50) % 2)

    assert main(["train", "--no-ladder", "--no-watch", "-q", "--data", "p.npz", "--change", "memory=0.00001"]) == 2
    said = capsys.readouterr().err
    assert "exceeds data.memory, 1e-05 GB, once decoded; raise it" in said
    assert said.count("\n") == 1


def test_a_picture_that_changes_meanwhile_is_named(photographs: Path) -> None:
    """It is the user's file, and it is said which one."""
    _, made, _ = data_of(photographs, "size=16", "memory=0.00001")
    one: OnDisk = pixels_of(made.train).pictures[3]
    (photographs / one.source.files[one.place]).write_bytes(b"no picture")

    with pytest.raises(ProgramError, match=r"the picture .*png changed while it was trained on"):
        made.train.__getitem__(3)
