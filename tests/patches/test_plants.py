"""The edits on the plants of the rules: what is taken out of a healthy program again."""

import pytest

from tests.rules.planting import SPECIMENS, climb_text, planted, rung_of
from torchladder.core.findings import Finding
from torchladder.report.patch import apply, parse
from torchladder.rules.registry import Rule, all_rules, find_rule

PLANTS = [(rule, i) for rule in all_rules() for i, plant in enumerate(rule.plants) if plant.ranks == 1]


def repaired(rule: Rule, number: int) -> tuple[str, str | None]:
    """Return the planted text, and the text after the diff of the rule's finding, None without one."""
    text = planted(rule.plants[number])
    found: list[Finding] = [f for f in climb_text(text, rung_of(rule)).findings if f.code == rule.code]
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


RESTORED = {
    "TL106": (2,),
    "TL201": (0, 1, 2),
    "TL202": (0, 1),
    "TL203": (0, 2),
    "TL205": (1,),
    "TL207": (0,),
    "TL213": (0, 1),
    "TL301": (0,),
    "TL302": (0, 2, 4),
    "TL304": (0, 1),
    "TL404": (0,),
    "TL405": (0, 1),
    "TL406": (0, 1),
    "TL407": (0,),
    "TL408": (0, 1),
    "TL502": (0, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize(("code", "number"), [(code, n) for code, numbers in RESTORED.items() for n in numbers])
def test_simple_plants_are_restored(code: str, number: int) -> None:
    """The diff gives back the healthy text, to the letter."""
    rule = find_rule(code)
    assert rule is not None
    plant = rule.plants[number]
    _, new = repaired(rule, number)

    assert (SPECIMENS / f"{plant.specimen}.py").read_text() == new
