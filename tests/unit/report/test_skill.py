"""The guide for agents: made from the rules, so that it names every one of them."""

from torchladder.report.skill import skill
from torchladder.rules.registry import listing


def test_every_rule_and_every_exit_status_is_named():
    """In the front matter of a skill, under its family."""
    text = skill()

    assert text.startswith("---\nname: torchladder\ndescription: ")
    assert all(f"{e.code} `{e.name}`" in text for e in listing())
    assert all(f"`{status}`" in text for status in range(6))
    assert text.count("\n### ") == 9
