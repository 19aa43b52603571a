"""TL125: samples that cannot be read are counted by reason, and weighed by their share."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.core.reading_facts import FaultFact, ReadFact
from torchladder.rules.data.unreadable_samples import unreadable_samples


def found(*faults: FaultFact, read: int = 1000):
    rows = read + sum(f.count for f in faults if f.lost)
    return unreadable_samples.judge(Facts(reads=(ReadFact("train", "data", "table", rows, read, True, (), faults),)))


def test_a_set_that_can_be_read_is_left_alone() -> None:
    """No fault, no word."""
    assert found() == []


def test_a_few_are_a_warning_with_names() -> None:
    """Counted, of how many, and the first by name."""
    (finding,) = found(FaultFact("ragged", 2, True, ("row 5: 3 fields where 4 are due",)))

    assert finding.severity is Severity.WARNING
    assert finding.message == "2 samples of data have the wrong number of fields"
    assert finding.notes == ("row 5: 3 fields where 4 are due",)
    assert (finding.seen[0].value, finding.seen[0].expected) == (2, 0)


def test_one_is_said_in_the_singular() -> None:
    """Words fit their number."""
    assert found(FaultFact("truncated", 1, True))[0].message == "1 sample of data is cut off"


def test_a_tenth_of_the_set_is_an_error() -> None:
    """Then something is wrong with the set or its format."""
    assert found(FaultFact("unreadable", 200, True))[0].severity is Severity.ERROR


def test_odd_values_are_a_remark() -> None:
    """The samples are there."""
    (finding,) = found(FaultFact("mixed", 3, False, ("row 1: column 'a' holds 'x', no number",)))

    assert finding.severity is Severity.NOTE
    assert finding.message == "3 values of data are no numbers in columns of numbers"


def test_several_reasons_are_one_finding() -> None:
    """One line for a side, each reason among what was seen."""
    (finding,) = found(FaultFact("empty", 2, True), FaultFact("truncated", 1, True))

    assert finding.message == "3 samples of data cannot be read as they are"
    assert len(finding.seen) == 2


def test_pictures_too_large_are_left_to_the_rule_that_looks_at_pictures() -> None:
    """Said once."""
    read = ReadFact("train", "clips", "images", 10, 8, True, faults=(FaultFact("too-large", 2, True),))

    assert unreadable_samples.judge(Facts(reads=(read,)))
    assert not unreadable_samples.judge(Facts(reads=(read,), pictures=()))
