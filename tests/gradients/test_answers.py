"""What cannot be judged is told in a sentence; what is given stays as it was."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

import torchladder
from torchladder.core.errors import ProgramError, UsageError
from torchladder.gradients.load import load, resolved


class Noisy(nn.Module):
    """Draws from a generator of its own."""

    def __init__(self):
        super().__init__()
        self.generator = torch.Generator()

    def __deepcopy__(self, memo):
        return self

    def forward(self, x):  # noqa: D102
        return x * torch.rand(x.shape, generator=self.generator)


X = torch.randn(3, 4)


@pytest.mark.parametrize(
    ("target", "inputs", "words"),
    [
        (lambda x: x.argmax(1), X, "the output is int64"),
        (lambda x: x.detach() * 2, X, "the graph is cut"),
        (torch.log, -X.abs(), "holds NaN"),
        (lambda x: x * 2, torch.arange(4), "no gradient to check"),
        (lambda x: "word", X, "no output is a tensor"),
        (lambda x: x + (x.round() - x).detach(), 10 * X, "move by jumps"),
        (Noisy(), X, "two evaluations"),
        (lambda x: x**2, np.ones(3), "returns no gradient"),
        ((lambda x: x.astype(int), lambda d, x: d), np.ones(3), "cannot be differentiated"),
    ],
)
def test_what_cannot_be_judged_says_why(target, inputs, words) -> None:
    """Undecided with a reason, never a guess."""
    report = torchladder.check_gradients(target, inputs)

    assert report.verdict == "undecided", report.sentence
    assert words in report.rungs[0].summary + " ".join(report.rungs[0].notes)
    assert report.findings == ()


def test_nothing_that_is_given_changes() -> None:
    """Parameters, buffers, gradients, modes, inputs and random numbers are as before."""
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
    module(X).sum().backward()
    before = copy.deepcopy(module.state_dict())
    gradient = torch.clone(module[0].weight.grad)
    x = X.clone()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    torchladder.check_gradients(module, x)

    assert (random.random(), np.random.rand(), torch.rand(1).item()) == expected
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
    assert torch.equal(gradient, module[0].weight.grad)
    assert torch.equal(X, x)
    assert module.training
    assert torch.get_default_dtype() == torch.float32


def test_dropout_is_told() -> None:
    """The same units are dropped at every evaluation."""
    report = torchladder.check_gradients(nn.Dropout(), X)

    assert report.verdict == "healthy"
    assert any("random numbers" in note for note in report.rungs[0].notes)


def test_a_target_without_gradient_is_left_out_unless_it_is_asked_for() -> None:
    """A loss gives its target none; who asks for it by requires_grad is told."""

    class Squared(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return (x - y).square().sum()

        @staticmethod
        def backward(ctx, grad):
            x, y = ctx.saved_tensors
            return grad * 2 * (x - y), None

    silent = torchladder.check_gradients(Squared, (X, X + 1))
    asked = torchladder.check_gradients(Squared, (X, (X + 1).requires_grad_()))

    assert silent.verdict == "healthy"
    assert "y is given no gradient" in silent.rungs[0].notes[0]
    assert asked.verdict in {"broken", "undecided"}


def test_a_module_that_differentiates_inside_is_checked() -> None:
    """Forces from an energy: the forward pass itself needs gradients."""

    class Force(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

        def forward(self, x):
            with torch.enable_grad():
                x = x if x.requires_grad else x.requires_grad_()
                return torch.autograd.grad(self.net(x).sum(), x, create_graph=True)[0]

    report = torchladder.check_gradients(Force(), X)

    assert report.verdict == "healthy", report.sentence


def test_a_function_that_fails_is_the_programs_own() -> None:
    """Its error is passed on."""
    with pytest.raises(ProgramError, match="shapes cannot be multiplied"):
        torchladder.check_gradients(nn.Linear(3, 3), X)


@pytest.mark.parametrize(("spec", "words"), [("a.py", "is not of that form"), ("none.py:f", "there is no file"),
                                             ("file.py:g", "has no g; it has f")])  # fmt: skip
def test_what_is_not_there_is_a_usage_error(tmp_path, monkeypatch, spec, words) -> None:
    """One sentence names what is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.py").write_text("def f(): pass\n")
    with pytest.raises(UsageError, match=words):
        load(spec)


def test_inputs_are_made_where_none_are_given() -> None:
    """Random ones of the first shapes that fit, and the report says so."""
    _, args, _, notes = resolved(lambda x, w: x @ w)

    assert len(args) == 2
    assert "no inputs were given" in notes[0]


def test_keyword_arguments_and_nested_inputs_have_names() -> None:
    """Inputs are named by argument and key."""
    report = torchladder.check_gradients(lambda batch, scale: batch["x"] * scale, {"batch": {"x": X}, "scale": X})
    names = {t["name"] for t in report.rungs[0].facts["tensors"]}

    assert names == {"batch.x", "scale"}
