"""Completion in a shell: the scripts are valid, and bash offers what is there."""

import shutil
import subprocess

import pytest

from torchladder.cli.completion import bash, fish, words_of
from torchladder.cli.main import VERBS


def offered(*words: str) -> list[str]:
    """Return what bash would offer for the last word."""
    line = " ".join(f"'{w}'" for w in words)
    given = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}"
    asked = f"{bash()}\n{given}; _torchladder; printf '%s ' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


def test_bash_offers_verbs_options_and_choices():
    """By what stands before the word."""
    assert offered("torchladder", "cl") == ["climb"]
    assert set(offered("torchladder", "climb", "--s")) == {"--select", "--sarif"}
    assert set(offered("torchladder", "climb", "--fail-on", "")) >= {"error", "warning", "never"}
    assert "show" in offered("torchladder", "runs", "sh")


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish on this machine")
def test_the_script_for_fish_is_valid():
    """As fish itself judges."""
    subprocess.run(["fish", "--no-execute"], input=fish(), text=True, check=True)


def test_every_verb_is_there():
    """With its options."""
    text = fish()

    assert all(f"-a {verb} " in text for verb in VERBS)
    assert all(words_of(verb)[0] for verb in VERBS)
