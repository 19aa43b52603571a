"""The lines of rungs 4, 6 and 7 from hand-written rows."""

import numpy as np

from torchladder.core.facts import Facts
from torchladder.core.outcome_facts import SubsetFact
from torchladder.core.report import State
from torchladder.ladder.errors import as_labels, confusions, line
from torchladder.ladder.subset import beats_control
from torchladder.ladder.subset import line as subset_line


def subset(label: str = "data", **more) -> SubsetFact:
    made = {"steps": 40, "passes": 3, "samples": 128, "of": 1280, "first_loss": 2.3, "last_loss": 0.5, "rows": 400}
    made |= {"kind": "classes", "accuracy": 0.8, "majority": 0.1, "blind": 2.3} | more
    return SubsetFact(label, **made)


def test_better_than_blind_and_than_the_control_passes() -> None:
    """Held-out data shows that the labels belong to the inputs."""
    state, words, _, _ = subset_line(Facts(), subset(), subset("control", accuracy=0.1))

    assert State.PASSED is state
    assert "80.0% right" in words
    assert "10.0% right with labels dealt out anew" in words


def test_no_better_than_the_control_is_not_known_yet() -> None:
    """A small subset may be too little; it proves no fault."""
    state, words, _, _ = subset_line(Facts(), subset(accuracy=0.11), subset("control", accuracy=0.1))

    assert State.UNKNOWN is state
    assert "yet" in words


def test_a_failure_on_the_subset_may_be_the_subsets() -> None:
    """The program ran with all its data."""
    state, words, _, _ = subset_line(Facts(), subset(reason="on the subset it failed with ValueError: empty"), None)

    assert (State.UNKNOWN, "on the subset it failed with ValueError: empty") == (state, words)


def test_without_validation_the_training_loss_decides() -> None:
    """Many programs evaluate nothing."""
    state, words, _, _ = subset_line(Facts(), subset(passes=0, accuracy=None), None)

    assert State.PASSED is state
    assert "no validation pass" in words


def test_the_control_is_beaten_by_more_than_chance() -> None:
    """Two of 400 samples are nothing; an unknown control decides nothing."""
    found = [beats_control(subset(accuracy=a), subset("control", accuracy=0.1)) for a in (0.105, 0.2)]

    assert [False, True] == found
    assert beats_control(subset(), None) is None


def test_errors_of_classes_name_the_worst_class_and_the_confusions() -> None:
    """What is taken for what, most often first."""
    output = np.eye(3)[[0, 0, 1, 1, 1, 2]]
    target = np.array([0, 0, 0, 1, 1, 1])
    state, words, figures, notes = line(output, target)

    assert State.PASSED is state
    assert "2 of 6 held-out predictions are wrong" in words
    assert {0: 2 / 3, 1: 2 / 3} == figures["recall"]
    assert {(0, 1, 1), (1, 2, 1)} == set(figures["confusions"])
    assert notes


def test_errors_of_values_are_root_mean_squares() -> None:
    """Regression has no classes to confuse."""
    _, words, figures, _ = line(np.array([[1.0], [2.0]]), np.array([1.0, 4.0]))

    assert "2 held-out values" in words
    assert figures["mae"] == 1.0


def test_ignored_targets_are_left_out_of_the_errors() -> None:
    """Padding is no mistake."""
    guess, truth = as_labels(np.eye(2)[[0, 1]], np.array([0, -100])) or (None, None)

    assert ([0], [0]) == (list(guess), list(truth))


def test_perfect_predictions_have_no_confusions() -> None:
    """Nothing to sort."""
    assert [] == confusions(np.array([1, 2]), np.array([1, 2]))
