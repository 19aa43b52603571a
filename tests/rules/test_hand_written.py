"""The comparison of hand-written backward passes with their forward passes, apart from a climb."""

import pytest
import torch
from torch.autograd import Function

from torchladder.probes.hand_written import Kept, _compared


def made(forward, backward):
    """Return a function with these passes; each is given the saved input."""

    class Made(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, grad):
            return backward(ctx.saved_tensors[0], grad)

    return Made


def states(cls, *args):
    """Return what is said of each argument."""
    torch.manual_seed(3)
    given = args or (torch.randn(16, 8, dtype=torch.float64).requires_grad_(),)
    return [row.state for row in _compared(cls, Kept(given))]


def test_a_right_backward_pass_is_right():
    """The derivative of x^2 is 2x."""
    assert states(made(lambda x: x * x, lambda x, g: 2 * x * g)) == ["right"]


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: x * x, lambda x, g: x * g),
        (torch.tanh, lambda x, g: -g * (1 - x.tanh() ** 2)),
        (lambda x: x * x.sigmoid(), lambda x, g: g * x.sigmoid()),
        (lambda x: x.softmax(-1), lambda x, g: g * x.softmax(-1) * (1 - x.softmax(-1))),
        (lambda x: x.relu(), lambda x, g: g),
    ],
    ids=["factor", "sign", "product rule", "diagonal of the softmax", "mask of the ReLU"],
)
def test_a_wrong_one_is_found(forward, backward):
    """A missing factor, sign, term or mask is seen along random directions."""
    assert states(made(forward, backward)) == ["differs"]


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: x.sign(), lambda x, g: g * (x.abs() < 1)),
        (lambda x: (8 * x).round() / 8, lambda x, g: g),
        (lambda x: x.view_as(x), lambda x, g: -0.3 * g),
        (lambda x: x.clone(), lambda x, g: g.clamp(-0.01, 0.01)),
        (lambda x: (x > 0).double(), lambda x, g: g / (1 + (3 * x).abs()) ** 2),
    ],
    ids=["sign", "rounding", "reversed", "clipped", "spikes"],
)
def test_what_is_meant_to_differ_is_passed_over(forward, backward):
    """Estimators of steps, and gradients that are reversed or clipped on their way, are no mistakes."""
    assert states(made(forward, backward)) == []


def test_a_random_forward_pass_draws_the_same_each_time():
    """Dropout written by hand is compared at one draw of its mask."""

    class Drop(Function):
        @staticmethod
        def forward(ctx, x):
            mask = (torch.rand_like(x) > 0.5).to(x.dtype) * 2
            ctx.save_for_backward(mask)
            return x * mask

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0]

    assert states(Drop) == ["right"]


def test_a_gradient_that_is_left_out_is_absent():
    """None for an argument that the output depends on."""

    class Scale(Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.save_for_backward(x, scale)
            return x * scale

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[1], None

    x = torch.randn(4, 8, dtype=torch.float64).requires_grad_()
    assert states(Scale, x, torch.full((8,), 2.0, dtype=torch.float64).requires_grad_()) == ["right", "absent"]
