"""Runs on shares of the data: which figure is compared."""

from torchladder.ladder.shares import _row, _settle


def test_the_loss_is_what_every_run_has() -> None:
    """One run without a loss: all are compared by what they share."""
    rows = [_row("a", 10, 0.5, None, 0.8), _row("b", 20, None, None, 0.9)]
    words = _settle(rows)

    assert "wrong" in words
    assert [round(r["loss"], 3) for r in rows] == [0.2, 0.1]


def test_a_loss_goes_before_accuracy() -> None:
    """It says more."""
    rows = [_row("a", 10, 0.5, None, 0.8)]
    _settle(rows)

    assert rows == [{"name": "a", "D": 10, "accuracy": 0.8, "loss": 0.5}]
