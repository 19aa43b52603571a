"""The summary of a model: right figures, right shapes, and a model that nothing has happened to."""

import random

import numpy as np
import pytest
import torch
from torch import nn

import torchladder
from torchladder.core.errors import ProgramError, UsageError
from torchladder.live.summary import shape_of


class Tied(nn.Module):
    """A language model with tied weights, a block that is called twice, a layer that is not called."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.head = nn.Linear(16, 100, bias=False)
        self.head.weight = self.embedding.weight
        self.unused = nn.Linear(3, 3)

    def forward(self, tokens):
        """Run the block twice."""
        hidden = self.block(self.block(self.embedding(tokens)))
        return {"logits": self.head(hidden), "hidden": hidden}


def by_name(made):
    return {row.name: row for row in made.rows}


def test_parameters_and_the_trainable_share() -> None:
    """Counted by hand: 3*4+4 = 16 frozen, 4*2+2 = 10 trained; tied weights count once."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].requires_grad_(False)

    made = torchladder.summary(model)

    assert (made.parameters, made.trainable, made.trainable_share) == (26, 10, 10 / 26)
    assert (made.size, made.output) == (26 * 4, None)
    assert [(r.name, r.parameters, r.trainable) for r in made.rows] == [
        ("", 26, 10),
        ("0", 16, 0),
        ("1", 0, 0),
        ("2", 10, 10),
    ]
    assert torchladder.summary(Tied()).parameters == sum(p.numel() for p in Tied().parameters())


def test_shapes_of_a_random_input() -> None:
    """Of each layer and of the model; the batch is the user's."""
    made = torchladder.summary(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.LazyLinear(5)), (2, 3, 6, 6)
    )

    assert [row.outputs for row in made.rows] == [
        ("[2, 5]",),
        ("[2, 8, 4, 4]",),
        ("[2, 8, 4, 4]",),
        ("[2, 128]",),
        ("[2, 5]",),
    ]
    assert (made.output, made.lazy) == ("[2, 5]", 2)


def test_a_language_model_is_given_whole_numbers() -> None:
    """What is shared, called twice, or not called is said; parts of torch's own modules are not called idle."""
    made = torchladder.summary(Tied(), (2, 7))
    rows = by_name(made)

    assert made.output == "{logits: [2, 7, 100], hidden: [2, 7, 16]}"
    assert rows["block"].calls == 2
    assert rows["head"].shared
    assert not rows["embedding"].shared
    assert made.lines(100)[-1] == "not called by the forward pass: unused"


@pytest.mark.parametrize(
    "given", [torch.zeros(2, 3), (torch.zeros(2, 3),), [torch.zeros(2, 3)], {"input": torch.zeros(2, 3)}, (2, 3)]
)
def test_an_input_may_be_given_in_any_way(given) -> None:
    """As a shape, a tensor, arguments or keyword arguments."""
    assert torchladder.summary(nn.Linear(3, 4), given).output == "[2, 4]"


class Counting(nn.Module):
    """Draws, counts and keeps what it saw."""

    seen: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.dropout = nn.Dropout(0.5)
        self.calls = 0
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        """Do what a summary must not leave behind."""
        self.calls += 1
        self.seen.add_(1)
        random.random()
        np.random.rand()
        return self.dropout(self.norm(x)) + torch.randn_like(x)


def test_the_model_is_as_it_was() -> None:
    """Buffers, modes, counters, hooks, gradients and every generator."""
    model = Counting()
    model.dropout.eval()
    modes = [m.training for m in model.modules()]
    state = {k: v.clone() for k, v in model.state_dict().items()}
    drawn = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()

    torchladder.summary(model, (4, 3))

    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(state[k], v) for k, v in model.state_dict().items())
    assert model.calls == 0
    assert not [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert random.getstate() == drawn[0]
    assert np.array_equal(np.random.get_state()[1], drawn[1])
    assert torch.equal(torch.get_rng_state(), drawn[2])


def test_a_lazy_model_stays_lazy() -> None:
    """Its first real batch decides the sizes, not the summary."""
    model = nn.Sequential(nn.LazyLinear(4))

    torchladder.summary(model, (2, 3))

    assert isinstance(model[0], nn.LazyLinear)
    assert torchladder.summary(model).lazy == 2


def test_a_model_that_fails_is_said_with_its_module() -> None:
    """The sentence names the module and the shapes; generators are put back all the same."""
    model = nn.Sequential(nn.Dropout(), nn.Linear(5, 6))
    before = torch.get_rng_state()

    with pytest.raises(
        ProgramError, match=r"the model fails in `1` on an input of \[2, 3\]: RuntimeError: mat1 and mat2"
    ):
        torchladder.summary(model, (2, 3))

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("given", ["(1, 3)", (1, "a"), (), 3, (1, -2)])
def test_an_impossible_input_is_one_sentence(given) -> None:
    """With what may be given."""
    with pytest.raises(UsageError, match="input must be a shape such as"):
        torchladder.summary(nn.Linear(3, 4), given)


def test_what_is_no_model_is_said() -> None:
    """A class instead of an object is a common slip."""
    with pytest.raises(UsageError, match="summary takes a model, not a type"):
        torchladder.summary(nn.Linear, (1, 3))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_and_counts_are_whole(width: int) -> None:
    """Names and shapes are cut, counts are not."""
    lines = torchladder.summary(Tied(), (2, 7)).lines(width)

    assert max(map(len, lines[: lines.index("")])) <= width
    assert all(count in "\n".join(lines) for count in ("3,836", "1,600", "2,224"))


def test_depth_folds_what_is_beneath() -> None:
    """The counts of what is folded are in the row above it."""
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), nn.Linear(2, 1))

    assert [r.parameters for r in torchladder.summary(model, depth=1).rows] == [15, 12, 3]
    assert [r.shared for r in torchladder.summary(model, depth=1).rows] == [False, False, False]


def test_shapes_in_any_container() -> None:
    """Tensors, tuples, mappings, nothing, other things."""
    x = torch.zeros(2, 3)

    assert shape_of((x, None, {"a": [x]}, 3)) == "([2, 3], None, {a: ([2, 3])}, int)"
