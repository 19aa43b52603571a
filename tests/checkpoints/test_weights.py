"""Weights to deploy, and checksums of parameters."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from torchladder.checkpoints.checksum import of_tensors
from torchladder.checkpoints.reading import Unreadable
from torchladder.checkpoints.weights import read_weights, write_weights
from torchladder.core.errors import UsageError


class Tied(nn.Module):
    """A language model's embedding and head are one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("turned", torch.arange(6.0).reshape(2, 3).T)


def test_weights_come_back_and_tied_ones_are_stored_once(tmp_path: Path) -> None:
    """Every name is there after reading; safetensors itself reads the file."""
    model, path = Tied(), tmp_path / "out" / "model.safetensors"
    write_weights(path, model.state_dict(), {"classes": "a,b"})

    found = read_weights(path)

    assert found.keys() == model.state_dict().keys()
    assert all(torch.equal(found[k], v) for k, v in model.state_dict().items())
    assert load_file(path).keys() == {"embedding.weight", "turned"}
    Tied().load_state_dict(found)


def test_a_state_dict_of_torch_is_read_too(tmp_path: Path) -> None:
    """With tensors only."""
    torch.save(Tied().state_dict(), tmp_path / "a.pt")
    torch.save({"model": Tied().state_dict()}, tmp_path / "b.pt")
    torch.save(Tied(), tmp_path / "c.pt")

    assert "head.weight" in read_weights(tmp_path / "a.pt")
    with pytest.raises(Unreadable, match="holds no state dict"):
        read_weights(tmp_path / "b.pt")
    with pytest.raises(Unreadable, match="is refused: it holds Python objects"):
        read_weights(tmp_path / "c.pt")


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
@pytest.mark.parametrize("data", [None, b"", b"nonsense" * 100])
def test_what_is_no_file_of_weights_is_said_in_one_sentence(tmp_path: Path, name: str, data: bytes | None) -> None:
    """Missing, empty, or something else."""
    if data is not None:
        (tmp_path / name).write_bytes(data)

    with pytest.raises(UsageError) as told:
        read_weights(tmp_path / name)

    assert name in str(told.value)
    assert "\n" not in str(told.value)


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    """The weights were not saved, and why."""
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="the weights were not saved"):
        write_weights(tmp_path / "file" / "x.safetensors", Tied().state_dict())


def test_a_checksum_sees_every_bit_and_the_shape() -> None:
    """One bit, another shape, another type, another order make another one; where the tensor lies does not matter."""
    a = torch.randn(4, 6)
    other = a.clone()
    other.view(torch.int32)[2, 3] ^= 1

    assert of_tensors([a]) == of_tensors([a.clone()]) == of_tensors([a.T.contiguous().T])
    sums = [
        of_tensors(t)
        for t in ([a], [other], [a.reshape(6, 4)], [a.view(torch.int32)], [a, other], [other, a], [a.bfloat16()], [])
    ]
    assert len(set(sums)) == len(sums)
    assert of_tensors([torch.tensor(1.0)]) != of_tensors([torch.tensor(2.0)])
