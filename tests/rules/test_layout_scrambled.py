"""Scrambled layout: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.model_facts import ReshapeFact
from torchladder.rules.model.layout_scrambled import layout_scrambled as rule_

HERE = Place("train.py", 9)


def judge(rough, permuted, *, kind="data", before=(8, 16, 16, 3), after=(8, 3, 16, 16)):
    return rule_.judge(Facts(reshapes=(ReshapeFact(kind, "view", HERE, before, after, (0, 3, 1, 2), rough, permuted),)))


def test_torn_pictures_are_proven_and_permuted():
    """Neighbours were alike and no longer are."""
    (found,) = judge(0.7, 0.05)

    assert found.standing.value == "proven"
    assert found.fixes[0].change.args["axes"] == [0, 3, 1, 2]


def test_pictures_that_arrive_torn_are_read_again():
    """No call was seen: channels last makes them smooth."""
    (found,) = judge(0.6, 0.05, kind="entry")

    assert found.fixes[0].change.kind == "channels_last_input"


def test_what_smoothness_cannot_tell_is_a_suspicion():
    """Hidden tensors, and noise."""
    assert judge(None, None, kind="hidden")[0].standing.value == "suspected"
    assert judge(1.01, 1.0)[0].standing.value == "suspected"


def test_silent_on_look_alikes():
    """A reshape that puts things right, pictures that are as smooth either way, a matrix, weights."""
    assert judge(0.05, 0.7) == []
    assert judge(0.3, 0.2, kind="entry") == []
    assert judge(None, None, before=(16, 3), after=(3, 16)) == []
    assert judge(None, None, kind="weight") == []


def test_heads_that_are_joined_where_they_lie_are_a_warning():
    """The view in the model's code keeps no axis whole; what would move the axes is named."""
    row = ReshapeFact(
        "hidden", "reshape", HERE, (8, 4, 16, 8), (8, 16, 32), (0, 2, 1, 3), module="a", fine=(8, 4, 16, 8)
    )
    (found,) = rule_.judge(Facts(reshapes=(row,)))

    assert (found.severity.value, found.standing.value) == ("warning", "proven")
    assert found.fixes[0].change.args == {
        "path": "train.py", "line": 9, "function": "reshape", "axes": [0, 2, 1, 3], "dims": 4,
    }  # fmt: skip
