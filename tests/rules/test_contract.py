"""What holds for every rule. A new rule gets these tests for free."""

import ast
import inspect
import re
import sys
from pathlib import Path

import pytest

from tests.rules.planting import SPECIMENS, climb_text, names, planted, remarks, rung_of, watch_text
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.rules.registry import FAMILIES, Family, Plant, Rule, all_rules, limits_of, listing

HEADINGS = [
    "## What is wrong",
    "## Why it hurts",
    "## How it is found",
    "## What to do",
    "## When it is a false alarm",
    "## Sources",
]
MESSAGE_MAX = 100
SENSITIVE = re.compile(r"\bshould\b|\?|!|\byou\b", re.IGNORECASE)

FULL_RUN = 6  # from this rung on a climb takes half a minute


def is_watched(rule: Rule, plant: Plant) -> bool:
    """Tell whether a plant is run under ``watch``: of several processes, or about what no climb times."""
    return plant.ranks > 1 or rule.family is Family.FEEDING


each_rule = pytest.mark.parametrize("rule", all_rules(), ids=lambda r: r.code)
plants = [
    pytest.param(r, p, id=f"{r.code}-{i}", marks=[] if i == 0 and r.rung < FULL_RUN else [pytest.mark.slow])
    for r in all_rules()
    for i, p in enumerate(r.plants)
    if not is_watched(r, p)
]
near_misses = [
    pytest.param(r, p, id=f"{r.code}-{i}", marks=[pytest.mark.slow])
    for r in all_rules()
    for i, p in enumerate(r.near_misses)
    if not is_watched(r, p)
]
together = [
    pytest.param(r, p, sick, id=f"{r.code}-{'plant' if sick else 'near-miss'}-{i}", marks=[pytest.mark.slow])
    for r in all_rules()
    for sick, given in ((True, r.plants), (False, r.near_misses))
    for i, p in enumerate(given)
    if is_watched(r, p)
]
QUICK = {"digits_cnn", "regression", "sequence_rnn", "tiny_lm"}  # one of each kind of data
specimens = [
    pytest.param(p.stem, marks=[] if p.stem in QUICK else [pytest.mark.slow])
    for p in sorted(SPECIMENS.glob("*.py"))
    if p.stem != "__init__"
]


@each_rule
def test_without_its_probes_a_rule_does_not_know(rule: Rule) -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None


@each_rule
def test_the_page_has_all_its_sections_in_order(rule: Rule) -> None:
    """The module docstring is the rule's page."""
    found = [line for line in rule.explanation.splitlines() if line.startswith("## ")]

    assert HEADINGS == found
    assert rule.explanation.partition("## Sources")[2].strip()


@each_rule
def test_file_function_and_name_agree(rule: Rule) -> None:
    """One vocabulary: the slug is the file's name, the function's and the report's word."""
    file = Path(inspect.getfile(rule.check))

    assert rule.name == file.stem.replace("_", "-")
    assert file.parent.name == rule.family.value
    assert rule.family is FAMILIES[rule.code[2]]


@each_rule
def test_it_has_two_plants_and_two_near_misses(rule: Rule) -> None:
    """A rule is known by what it finds and by what it leaves alone; of data sets, its own tests say so."""
    if rule.of_sets:
        text = Path(__file__).with_name(f"test_{rule.name.replace('-', '_')}.py").read_text(encoding="utf-8")
        assert len(re.findall(r"^def test_", text, re.MULTILINE)) >= 4
        return
    assert len(rule.plants) >= 2
    assert len(rule.near_misses) >= 2


@each_rule
def test_each_passage_occurs_once_and_the_edit_parses(rule: Rule) -> None:
    """A plant is a one-passage edit of a healthy specimen."""
    for plant in (*rule.plants, *rule.near_misses):
        ast.parse(planted(plant))


@each_rule
def test_every_limit_has_a_unit_and_a_reason(rule: Rule) -> None:
    """A threshold without a reason is a guess."""
    for name, _, unit, why in limits_of(rule):
        assert unit, name
        assert why, name


@each_rule
def test_what_it_explains_exists_or_is_planned(rule: Rule) -> None:
    """Symptoms are named by code, and no rule explains itself."""
    assert rule.code not in rule.explains
    assert all(re.fullmatch(r"TL\d{3}", code) for code in rule.explains)


def test_codes_and_names_are_unique() -> None:
    """Nothing is registered twice."""
    rules = all_rules()

    assert len({r.code for r in rules}) == len(rules)
    assert len({r.name for r in rules}) == len(rules)


def test_the_listing_read_from_the_files_is_that_of_the_rules() -> None:
    """What is looked up without importing agrees with what is imported."""
    imported = [(r.code, r.name, r.family.value, r.rung, r.severity.value) for r in all_rules()]

    assert imported == [(e.code, e.name, e.family, e.rung, e.severity) for e in listing()]


def test_rules_do_not_import_torch() -> None:
    """A report can be read, and a rule explained, without torch."""
    for rule in all_rules():
        tree = ast.parse(inspect.getsource(sys.modules[rule.check.__module__]))
        modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        assert not [m for m in modules if m.split(".")[0] == "torch"], rule.code


def check_words(finding: Finding) -> None:
    """Hold one finding to how torchladder speaks."""
    message = finding.message
    assert len(message) <= MESSAGE_MAX, message
    assert not message.endswith("."), message
    assert message[0] in "`" or not message[0].isupper() or message.split()[0].isupper(), message
    assert not SENSITIVE.search(message), message
    assert len(finding.seen) <= 3


@pytest.mark.parametrize(("rule", "plant"), plants)
def test_a_planted_bug_is_found_first(rule: Rule, plant) -> None:
    """The cause is the planted rule, with a place in the user's file, in the house's words."""
    report = climb_text(planted(plant), rung_of(rule))

    if rule.severity is Severity.NOTE:  # a remark stands beside whatever else is found
        assert rule.name in remarks(report), report.sentence
    else:
        assert names(report)[:1] == [rule.name], report.sentence
    for finding in report.findings:
        check_words(finding)


@pytest.mark.parametrize(("rule", "plant"), near_misses)
def test_a_near_miss_is_left_alone(rule: Rule, plant) -> None:
    """An innocent change that resembles the bug brings no word of this rule."""
    assert rule.name not in remarks(climb_text(planted(plant), rung_of(rule)))


@pytest.mark.parametrize(("rule", "plant", "sick"), together)
def test_what_only_a_watched_run_shows_is_judged_there(rule: Rule, plant: Plant, sick: bool) -> None:
    """A planted bug is found first, at a line of the user's; a near miss brings no word of the rule."""
    found = watch_text(planted(plant), plant.ranks)

    if sick:
        assert [f.name for f in found][:1] == [rule.name]
        assert found[0].where
    else:
        assert rule.name not in {f.name for f in found}
    for finding in found:
        check_words(finding)


@pytest.mark.parametrize("specimen", specimens)
def test_a_healthy_specimen_passes(specimen: str) -> None:
    """No rule speaks about a healthy program."""
    report = climb_text((SPECIMENS / f"{specimen}.py").read_text(), 7)

    assert names(report) == []
    assert report.verdict == "healthy", report.sentence
