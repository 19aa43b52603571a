"""What a rule's page says of the facts that feed it."""

from torchladder.report.pages import as_data, markdown, needed
from torchladder.rules.registry import find_rule


def test_both_ways_to_feed_a_rule_are_shown() -> None:
    """A program's facts, or those of data sets that no program has read."""
    rule = find_rule("TL102")
    assert rule is not None
    assert rule.instead

    assert needed(rule) == "roots, loss calls; or instead: sets"
    assert needed(rule) in markdown(rule)
    assert as_data(rule)["instead"] == list(rule.instead)


def test_one_way_is_shown_alone() -> None:
    """Most rules have no other."""
    rule = find_rule("TL201")
    assert rule is not None

    assert "or instead" not in needed(rule)
    assert as_data(rule)["instead"] == []
