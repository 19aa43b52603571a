"""The generated pages are fresh, and the project names no package registry."""

import subprocess
import sys
from pathlib import Path

import pytest

from torchladder.report import pages
from torchladder.rules.registry import Rule, all_rules


def test_generated_pages_are_fresh(root: Path) -> None:
    """``make docs`` would change nothing."""
    done = subprocess.run(
        [sys.executable, "tools/gen_docs.py", "--check"], cwd=root, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_a_rule_page_renders_at_every_width(rule: Rule) -> None:
    """No prose is wider than the terminal; code and addresses stay whole."""
    text = pages.text(pages.markdown(rule), width=60)

    prose = [line for line in text.splitlines() if not line.startswith("    ") and "http" not in line]
    assert [line for line in prose if len(line) > 60] == []
