"""duplicate-features on facts written by hand."""

from dataclasses import replace

from torchladder.core.facts import Facts
from torchladder.core.set_facts import ColumnFact, SetFact
from torchladder.rules.data.duplicate_features import duplicate_features as rule

COLUMNS = tuple(ColumnFact(n, 500, low=0.0, high=1.0, mean=0.5, std=0.3) for n in ("age", "income", "age_2", "calls"))
TRAIN = SetFact("train", "train.csv", "table", 500, 500, True, columns=COLUMNS, same=(("age", "age_2"),))


def test_a_copy_is_named_with_its_original() -> None:
    """A remark that says which."""
    (found,) = rule.judge(Facts(sets=(TRAIN,))) or []

    assert found.severity.value == "note"
    assert found.seen[1].value == "`age_2` = `age`"


def test_many_copies_are_padding() -> None:
    """One-hot codes and borders of pictures."""
    pairs = (("age", "age_2"), ("age", "income"), ("age", "calls"))

    assert rule.judge(Facts(sets=(replace(TRAIN, same=pairs),))) == []


def test_few_samples_agree_by_chance() -> None:
    """Ten rows say nothing."""
    assert rule.judge(Facts(sets=(replace(TRAIN, read=10),))) == []


def test_without_copies_it_is_silent() -> None:
    """Nothing to say."""
    assert rule.judge(Facts(sets=(replace(TRAIN, same=()),))) == []
