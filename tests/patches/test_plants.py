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
    "TL104": (0,),
    "TL105": (2,),
    "TL106": (2,),
    "TL124": (1,),
    "TL201": (0, 1, 2),
    "TL202": (0, 1),
    "TL203": (0, 2),
    "TL205": (1,),
    "TL207": (0,),
    "TL213": (0, 1),
    "TL214": (0, 1),
    "TL215": (1,),
    "TL216": (0,),
    "TL217": (0,),
    "TL218": (1,),
    "TL220": (0,),
    "TL222": (0,),
    "TL301": (0,),
    "TL302": (0, 2, 4),
    "TL303": (0,),
    "TL304": (0, 1),
    "TL308": (0,),
    "TL404": (0,),
    "TL405": (0, 1),
    "TL406": (0, 1),
    "TL407": (0,),
    "TL408": (0, 1),
    "TL409": (0, 1),
    "TL410": (3,),
    "TL412": (0,),
    "TL413": (0,),
    "TL501": (0, 1, 2),
    "TL502": (0, 1),
    "TL507": (0, 1, 2),
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


CURED = {
    "TL101": (0, 1),
    "TL105": (1,),
    "TL106": (0,),
    "TL107": (0,),
    "TL115": (0,),
    "TL122": (1,),
    "TL124": (0,),
    "TL204": (0, 1),
    "TL208": (0,),
    "TL209": (0,),
    "TL210": (0, 1),
    "TL211": (0, 1),
    "TL212": (0, 1),
    "TL215": (0,),
    "TL217": (1,),
    "TL218": (0, 2),
    "TL219": (0,),
    "TL220": (1,),
    "TL222": (1,),
    "TL224": (1, 3),
    "TL303": (1, 2, 3),
    "TL305": (0, 1),
    "TL306": (0,),
    "TL307": (0, 1),
    "TL308": (1,),
    "TL309": (0, 1),
    "TL401": (0,),
    "TL402": (0,),
    "TL403": (0,),
    "TL404": (1,),
    "TL410": (0, 1, 2),
    "TL411": (0, 1),
    "TL412": (1,),
    "TL414": (2,),
    "TL503": (0, 1),
    "TL505": (0, 1),
    "TL506": (0,),
    "TL511": (0, 1),
    "TL512": (0, 1),
    "TL514": (0, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize(("code", "number"), [(code, n) for code, numbers in CURED.items() for n in numbers])
def test_a_plant_that_is_repaired_otherwise_is_cured(code: str, number: int) -> None:
    """The text after the diff is another than the healthy one, and climbs without the finding."""
    rule = find_rule(code)
    assert rule is not None
    _, new = repaired(rule, number)
    assert new is not None

    assert code not in [f.code for f in climb_text(new, rung_of(rule)).findings]
