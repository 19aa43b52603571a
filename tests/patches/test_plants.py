"""The edits on the plants of the rules: what is taken out of a healthy program again."""

import pytest

from tests.rules.planting import climb_text, planted
from torchladder.core.findings import Finding
from torchladder.report.patch import apply, parse
from torchladder.rules.registry import Rule, all_rules, find_rule

PLANTS = [(rule, i) for rule in all_rules() for i in range(len(rule.plants))]


def repaired(rule: Rule, number: int) -> tuple[str, str | None]:
    """Return the planted text, and the text after the diff of the rule's finding, None without one."""
    text = planted(rule.plants[number])
    found: list[Finding] = [f for f in climb_text(text).findings if f.code == rule.code]
    diffs = [fix.diff for f in found for fix in f.fixes if fix.diff]
    if not diffs:
        return text, None
    (one,) = parse(diffs[0])
    return text, apply(one, text)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "number"), PLANTS, ids=[f"{rule.code}.{i}" for rule, i in PLANTS])
def test_what_a_diff_leaves_is_a_program(rule: Rule, number: int) -> None:
    """Whatever is written compiles, and changes something."""
    text, new = repaired(rule, number)
    if new is None:
        pytest.skip("no diff is written for it")

    compile(new, "train.py", "exec")
    assert new != text


RESTORED: list[tuple[str, int]] = []


@pytest.mark.slow
@pytest.mark.parametrize(("code", "number"), RESTORED)
def test_simple_plants_are_restored(code: str, number: int) -> None:
    """The diff gives back the healthy text, to the letter."""
    rule = find_rule(code)
    assert rule is not None
    plant = rule.plants[number]
    text, new = repaired(rule, number)

    assert text.replace(plant.sick, plant.healthy) == new
