"""Weights from files: by name, by order with a sentence, re-headed; and whether they see what they were made for."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch import nn

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.training import models
from torchladder.training.fit import distance, misfit
from torchladder.training.models import Shape
from torchladder.training.pictures import Look, Pictures, as_tensor, stored
from torchladder.training.recipe import Augment, Data, Model, Recipe
from torchladder.training.sets_ready import Ready
from torchladder.training.targets import Targets
from torchladder.training.weights import loaded, path_of, tensors_of

TINY = "test_efficientnet"  # of timm: 0.4 million parameters


def test_weights_of_other_names_are_taken_in_order_and_that_is_said() -> None:
    """Every shape is the same, no name is: allowed where it is asked for, and told."""
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    renamed = {f"old.{k}": v for k, v in other.state_dict().items()}

    told = loaded(one, renamed, (), by_order=True)
    assert "by their order and shapes" in told[0]
    assert torch.equal(one.weight, other.weight)
    with pytest.raises(UsageError, match="2 of its 2 tensors are missing, such as bias"):
        loaded(nn.Linear(3, 2), renamed, (), by_order=False)


def test_a_head_of_other_classes_is_left_out() -> None:
    """The body comes from the file, the head stays as it was drawn; another body is refused with both shapes."""
    one, other = (nn.Sequential(nn.Linear(3, 4), nn.Linear(4, k)) for k in (2, 5))
    loaded(one, other.state_dict(), ("1.",), by_order=False)

    assert torch.equal(one[0].weight, other[0].weight)
    with pytest.raises(UsageError, match=r"1\.bias is \[5\] in the file and \[2\] in the model"):
        loaded(one, other.state_dict(), ("0.",), by_order=False)


def test_wrappings_of_other_trainers_are_taken_off(tmp_path: Path) -> None:
    """``state_dict`` in a dict, ``module.`` before each name."""
    path = tmp_path / "w.pth"
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in nn.Linear(3, 2).state_dict().items()}}, path)

    assert set(tensors_of(str(path))) == {"weight", "bias"}


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    """A pickled module is no weights."""
    path = tmp_path / "w.pth"
    torch.save(nn.Linear(3, 2), path)

    with pytest.raises(UsageError):
        tensors_of(str(path))


def test_weights_in_a_package_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only file of weights in it, or the one that is named."""
    package = tmp_path / "some_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('is never imported')")
    (package / "a.pth").write_bytes(b"x")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert path_of("package:some_weights") == package / "a.pth"
    (package / "b.pth").write_bytes(b"x")
    assert path_of("package:some_weights/b.pth") == package / "b.pth"
    with pytest.raises(UsageError, match=r"names no single file of weights; found: a\.pth, b\.pth"):
        path_of("package:some_weights")


def test_a_model_of_timm_gets_a_new_head(tmp_path: Path) -> None:
    """Its body is that of the weights, its head has as many outputs as the data has classes."""
    own = timm.create_model(TINY, pretrained=False)
    path = tmp_path / "w.pth"
    torch.save(own.state_dict(), path)
    recipe = Recipe(model=Model(name=TINY, weights=str(path)))
    made = models.made(recipe, Shape(Kind.IMAGES, (3, 32, 32), 6))

    assert made.module(torch.zeros(2, 3, 32, 32)).shape == (2, 6)
    assert torch.equal(made.module.conv_stem.weight, own.conv_stem.weight)
    assert "a new head for 6 outputs" in made.told
    look = models.own_look(recipe.model)
    assert look is not None
    assert len(look.mean) == 3
    assert models.own_look(Model(name=TINY)) is None


def _ready(side: Pictures) -> Ready:
    return Ready(side, side, None, Targets(("a", "b")), Shape(Kind.IMAGES, (3, 32, 32), 2), None, [])


def test_wrong_normalisation_is_noticed(tmp_path: Path) -> None:
    """Batch norms that learnt pictures normalised one way fit that way better; the right way is silent."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(40, 216, (32, 32, 3)).astype(np.uint8) for _ in range(32)]
    recipe = Recipe(model=Model(name=TINY, weights=str(tmp_path / "w.pth")), data=Data(size=32))
    own = models.configured(TINY)
    assert own is not None
    right = Look((32, 32), 3, own.mean, own.std)
    wrong = Look((32, 32), 3, (0.0, 0.0, 0.0), (0.1, 0.1, 0.1))
    pixels, y, names = stored(pictures, (32, 32), 3), np.zeros(32, dtype=np.int64), [str(i) for i in range(32)]
    good, bad = (Pictures(pixels, y, names, look) for look in (right, wrong))
    module = timm.create_model(TINY, pretrained=False)
    x, _ = good.__getitems__(list(range(32)))
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # of one batch, exactly
    module.train()
    with torch.no_grad():
        for _ in range(3):
            module(x)
    torch.save(module.state_dict(), tmp_path / "w.pth")
    state = torch.get_rng_state()

    assert distance(module, x) < 0.2
    assert misfit(recipe, _ready(good), module) is None
    said = f"fit model.mean: {list(own.mean)} and model.std: {list(own.std)} better"
    assert said in str(misfit(recipe, _ready(bad), module))
    assert torch.equal(state, torch.get_rng_state())


def test_pictures_come_as_they_should() -> None:
    """Transparency is white, grey is repeated or kept, sixteen bits become eight, and sizes become one."""
    clear = np.zeros((4, 4, 4), dtype=np.uint8)
    assert as_tensor(clear, 3).min() == 255
    grey = np.full((4, 4, 1), 7, dtype=np.uint8)
    assert as_tensor(grey, 3).shape == (3, 4, 4)
    assert as_tensor(np.full((2, 2, 1), 65535, dtype=np.uint16), 1).max() == 255
    assert stored([np.zeros((30, 50, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], (16, 16), 3).shape == (2, 3, 16, 16)


def test_held_out_pictures_are_never_augmented() -> None:
    """The same picture in any epoch; in training another one each time, the same again for the same epoch."""
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (6, 1, 12, 12)).astype(np.uint8))
    look = Look((12, 12), 1, (0.5,), (0.25,))
    y, names = np.arange(6), list("abcdef")
    held, train = Pictures(pixels, y, names, look), Pictures(pixels, y, names, look, Augment(shift=2, flip=True), 1)

    assert torch.equal(held[0][0], held[6][0])
    assert torch.allclose(held[0][0] * 0.25 + 0.5, pixels[0] / 255.0, atol=1e-6)
    assert not torch.equal(train[0][0], train[6][0])
    batch, _ = train.__getitems__([8, 6, 7])
    assert torch.equal(batch[1], train[6][0])
    assert len({tuple(train[6 * e][0].flatten().tolist()) for e in range(12)}) > 6
