"""Rules of other packages, found by their entry point."""

import json
import os
import subprocess
import sys
from pathlib import Path

RULE = '''"""The house forbids a rate above 5.

## What is wrong
A rule of the house.
"""

from torchladder.core.findings import Severity
from torchladder.rules.registry import rule


@rule("ACME401", rung=3, severity=Severity.WARNING, needs=("curves",), plants=(), near_misses=())
def house_rate(facts, limits):
    """Yield a finding where a rate is above 5."""
    for curve in facts.curves:
        if max(curve.lrs, default=0) > 5:
            yield house_rate.finding("a rate is above 5", phase=curve.phase)
'''
ASK = """
import json
from torchladder.core.facts import CurveFact, Facts
from torchladder.rules.registry import all_rules, find_rule, foreign, listing
rule = find_rule("house-rate")
found = rule.judge(Facts(curves=(CurveFact(0, (1.0,), (6.0,)),))) if rule else None
print(json.dumps([
    [r.code for r in all_rules() if not r.code.startswith("TL")], [e.name for e in listing() if e.code == "ACME401"],
    rule and rule.family.value, found and found[0].message, foreign().failures,
]))
"""


def installed(folder: Path, points: str, **modules: str) -> list[object]:
    """Return what the registry says with a package of these modules installed."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    info = folder / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[torchladder.rules]\n{points}\n")
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer: list[object] = json.loads(done.stdout)
    return answer


def test_a_rule_of_another_package_is_one_of_the_rules(tmp_path):
    """Listed, found by name, of the family that its first digit says, and judged."""
    assert installed(tmp_path, "rates = acme_rates", acme_rates=RULE) == [
        ["ACME401"], ["house-rate"], "loop", "a rate is above 5", {},
    ]  # fmt: skip


def test_a_package_that_fails_is_left_out(tmp_path):
    """And so is one that takes a code of torchladder's own; the reasons are kept."""
    stolen = RULE.replace("ACME401", "TL401")
    codes, _, _, _, failures = installed(
        tmp_path, "a = acme_bad\nb = acme_stolen", acme_bad="1 / 0", acme_stolen=stolen
    )

    assert codes == []
    assert failures == {
        "acme_bad": "ZeroDivisionError: division by zero",
        "acme_stolen": "TL401 is a code of torchladder's own",
    }
