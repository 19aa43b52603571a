"""Twenty sanity checks of a project: each model, each of five checks."""

import pytest
import torch
from models import SHAPES


@pytest.fixture(params=list(SHAPES), ids=lambda kind: kind.__name__)
def made(request):
    """Give a model and a batch for it."""
    torch.manual_seed(0)
    return request.param(), (torch.randn(16, *SHAPES[request.param]), torch.arange(16) % 3)


def test_loss_at_init(ladder, made):
    """As a guess among three."""
    ladder.loss_at_init(*made)


def test_gradients(ladder, made):
    """To every parameter."""
    ladder.all_parameters_get_gradients(*made)


def test_no_mixing(ladder, made):
    """Each sample by itself."""
    ladder.no_batch_mixing(made[0], made[1][0])


def test_repeatable(ladder, made):
    """Twice the same."""
    ladder.eval_is_repeatable(made[0], made[1][0])


def test_one_batch(ladder, made):
    """By heart."""
    ladder.overfits_one_batch(*made, optimizer=lambda p: torch.optim.Adam(p, lr=3e-3))
