"""What two halves of the training data say about each held-out sample, and when they say nothing."""

import io

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts, LoaderFact
from torchladder.core.outcome_facts import OutcomeFact
from torchladder.core.scaling_facts import HalfFact
from torchladder.experiments.subset import Small
from torchladder.ladder.halves import NotMadeError, agreement, halve, notes, paired, verdicts
from torchladder.ladder.subject import Subject
from torchladder.runner.target import resolve

LABELS = np.arange(400) % 4
RNG = np.random.default_rng(0)


def stored(right: np.ndarray, labels: np.ndarray = LABELS) -> bytes:
    """Return predictions that are right where told, as a run keeps them."""
    guess = np.where(right, labels, (labels + 1) % 4)
    file = io.BytesIO()
    np.savez(file, output=np.eye(4)[guess], target=labels)
    return file.getvalue()


def test_halves_that_exclude_each_other_correlate_below_zero() -> None:
    """Each sample's counterpart is in exactly one of them."""
    first = RNG.random(400) < 0.5
    found = paired(stored(np.ones(400, bool)), stored(first), stored(~first))

    assert found.agreement == pytest.approx(-1.0)
    assert (found.rows, found.classes, found.one, found.full) == (400, 4, 400, 1.0)


def test_hard_samples_are_hard_for_both() -> None:
    """A difficulty that both share makes them agree."""
    ease = RNG.random(400)
    first, second = RNG.random(400) < ease, RNG.random(400) < ease

    assert (agreement(first, second, LABELS) or 0.0) > 0.15


def test_preferring_other_classes_is_no_disagreement_about_samples() -> None:
    """One names always class 0, the other always class 1: nothing differs within a class."""
    assert agreement(LABELS == 0, LABELS == 1, LABELS) is None


def test_other_samples_or_orders_cannot_be_paired() -> None:
    """A held-out loader that shuffles serves other samples in each run."""
    full = stored(np.ones(400, bool))

    with pytest.raises(NotMadeError, match="another order"):
        paired(full, full, stored(np.ones(400, bool), LABELS[::-1]))
    with pytest.raises(NotMadeError, match="one label a sample"):
        paired(full, full, None)


@pytest.mark.parametrize(
    ("whole", "parts", "why"),
    [
        (False, {}, "not followed to its own end"),
        (True, {}, "no pass over held-out data"),
        (True, {"evaluations": (EvaluationFact(0, 9, 0, "Net", None, 1, 100),)}, "no DataLoader"),
    ],
)
def test_what_cannot_be_halved_says_why(tmp_path, whole, parts, why) -> None:
    """The rules that ask for it are then unknown, with this reason."""
    (tmp_path / "train.py").write_text("pass")
    subject = Subject(resolve(str(tmp_path / "train.py"), ()), 60.0, lambda _: None)
    subject.facts, subject.whole = Facts(outcome=OutcomeFact(whole, 9, 1, 1.0), **parts), whole
    halve(subject)

    assert why in subject.facts.failures["halves"]
    assert subject.facts.halves is None


def test_a_budget_too_short_for_both_begins_neither(tmp_path) -> None:
    """Half a result would be none."""
    (tmp_path / "train.py").write_text("pass")
    subject = Subject(resolve(str(tmp_path / "train.py"), ()), 5.0, lambda _: None)
    loader = LoaderFact(0, "train", None, "TensorDataset", 800, 32, 25, "random", False, 0, 1, 25, 0)
    passes = (EvaluationFact(0, 9, 0, "Net", None, 1, 100),)
    subject.facts, subject.whole = Facts(loaders=(loader,), evaluations=passes), True
    halve(subject)

    assert subject.facts.failures["halves"] == "there was no time for it"


def test_the_scores_of_both_halves_are_shown() -> None:
    """What half of the data gave stands beside the full run; without scores nothing is said."""
    runs = tuple(HalfFact(0.5, i, 300, 600, 90, 3, accuracy, rows=400) for i, accuracy in enumerate((0.91, 0.93)))

    assert notes(runs) == ("held out with one half of the training data: 91.0% right and 93.0% right",)
    assert notes((HalfFact(0.5, 0, 300, 600, 90),)) == notes(None) == ()


def test_predictions_that_cannot_be_read_are_none() -> None:
    """A file cut short says nothing."""
    assert verdicts(b"PK") is None


def test_the_parts_of_one_share_have_no_sample_in_common() -> None:
    """Two halves are all of the data, each sample once; without parts the choice is what it was."""
    loader = DataLoader(TensorDataset(torch.arange(96)), batch_size=8)
    chosen = [Small(None, share=0.5, loaders=[], seconds=1.0, part=i)._choose(loader).dataset.indices for i in (0, 1)]

    assert sorted(chosen[0] + chosen[1]) == list(range(96))
    assert Small(None, share=0.5, loaders=[], seconds=1.0)._choose(loader).dataset.indices == chosen[0]
