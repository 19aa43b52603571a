"""Predictions against targets."""

import math

import pytest
import torch

from torchladder.probes.scoring import class_axis, figures, kind_of, merged, score


@pytest.mark.parametrize(
    ("output", "target", "kind"),
    [
        (torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2]), "classes"),
        (torch.randn(2, 5, 3), torch.randint(0, 3, (2, 5)), "classes"),
        (torch.randn(2, 3, 5), torch.randint(0, 3, (2, 5)), "classes"),
        (torch.randn(6, 1), torch.tensor([0.0, 1, 1, 0, 1, 0]), "binary"),
        (torch.randn(6), torch.randn(6, 1), "values"),
        (torch.randn(6, 3), torch.randn(5), None),
        (torch.randn(6, 3), torch.zeros(0), None),
        (torch.randn(6), torch.tensor([3, 1, 4, 1, 5, 9]), None),
    ],
)
def test_the_kind_of_answer_follows_from_shapes_and_values(output, target, kind) -> None:
    """What cannot be paired is not scored."""
    assert kind == kind_of(output, target)


def test_the_class_axis_may_be_second_or_last() -> None:
    """Convolutions put classes second, transformers last."""
    assert (1, 2) == (
        class_axis(torch.randn(2, 3, 5), torch.zeros(2, 5, dtype=torch.long)),
        class_axis(torch.randn(2, 5, 3), torch.zeros(2, 5, dtype=torch.long)),
    )


def test_ignored_targets_are_not_counted() -> None:
    """A negative class id marks padding."""
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    found = score(logits, torch.tensor([0, 1, -100]))

    assert found is not None
    assert (2, 2) == (found.right, found.scored)


def test_a_pass_is_the_sum_of_its_batches_not_the_mean_of_their_shares() -> None:
    """A last batch of one sample does not weigh as much as a full one."""
    big = score(torch.tensor([[1.0, 0.0]] * 9), torch.zeros(9, dtype=torch.long))
    small = score(torch.tensor([[1.0, 0.0]]), torch.ones(1, dtype=torch.long))
    total = merged([big, None, small])
    assert total is not None
    row = figures(total)

    assert (0.9, 0.9) == (row["accuracy"], row["majority"])
    assert row["blind"] == pytest.approx(-(0.9 * math.log(0.9) + 0.1 * math.log(0.1)))


def test_values_are_compared_with_their_variance() -> None:
    """The blind answer to a regression is the mean."""
    found = score(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 2.0, 3.0]))
    assert found is not None
    row = figures(found)

    assert row["error"] == pytest.approx(1 / 3)
    assert row["blind"] == pytest.approx(2 / 3)


def test_probabilities_are_cut_at_a_half_and_logits_at_zero() -> None:
    """The same answers either way."""
    target = torch.tensor([1.0, 0.0, 1.0])
    by_share, by_logit = score(torch.tensor([0.6, 0.4, 0.2]), target), score(torch.tensor([0.4, -0.4, -1.4]), target)
    assert by_share is not None
    assert by_logit is not None

    assert (2, 2) == (by_share.right, by_logit.right)
