"""Options written down in pyproject.toml: read as if typed first, and refused where no verb knows them."""

import pytest

from torchladder.cli import climb, lr, rules
from torchladder.cli.main import VERBS
from torchladder.cli.settings import words_for
from torchladder.core.errors import UsageError


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Return a function that writes the settings and gives the words they make for ``climb``."""

    def given(text, words=(), verb="climb", module=climb):
        (tmp_path / "pyproject.toml").write_text(text)
        inside = tmp_path / "deep" / "down"
        inside.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(inside)
        return words_for(verb, module.parser(), list(words), VERBS)

    return given


def test_options_become_words(settings):
    """Numbers, words, lists and switches, of all verbs and of one."""
    text = """
    [tool.torchladder]
    budget = 90
    ignore = ["TL602", "TL603"]
    quiet = true
    [tool.torchladder.climb]
    to = 3
    fail-on = "warning"
    """

    assert settings(text) == ["--budget=90", "--ignore=TL602,TL603", "--quiet", "--to=3", "--fail-on=warning"]


def test_what_the_user_types_wins(settings):
    """The later word counts; an option that may be repeated is left to the user whole."""
    words = settings('[tool.torchladder]\nbudget = 90\nselect = ["TL4"]\n', ["--select", "TL2", "train.py"])
    options = climb.parser().parse_args([*words, "--budget", "30", "--select", "TL2", "train.py"])

    assert options.budget == 30
    assert options.select == ["TL2"]


def test_an_option_of_another_verb_is_passed_over(settings):
    """``to`` is for climb alone."""
    assert settings("[tool.torchladder]\nto = 3\n", verb="rules", module=rules) == []
    assert settings("[tool.torchladder]\nto = 3\nbudget = 9\n", verb="lr", module=lr) == ["--budget=9"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tool.torchladder]\nbugdet = 90\n", "no option is called 'bugdet'; the nearest: budget"),
        ("[tool.torchladder.climb]\nfail_on = 'error'\n", "'fail_on'; the nearest: fail-on"),
        ("[tool.torchladder]\nquiet = 3\n", "quiet is true or false"),
        ("[tool.torchladder]\nbudget = true\n", "budget wants a value"),
        ("[tool.torchladder]\nbudget = {a = 1}\n", "budget is a table"),
        ("[tool]\ntorchladder = 3\n", "is not a table"),
        ("[tool.torchladder\n", "cannot be read"),
    ],
)
def test_mistakes_get_one_sentence(settings, text, sentence):
    """With the file, the key, and the nearest that exists."""
    with pytest.raises(UsageError, match=r"pyproject\.toml") as caught:
        settings(text)
    assert sentence in str(caught.value)


def test_no_settings_no_words(settings):
    """A project without a table of ours."""
    assert settings("[project]\nname = 'x'\n") == []
