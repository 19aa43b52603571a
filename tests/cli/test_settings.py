"""Options written down in pyproject.toml: read as if typed first, and refused where no verb knows them."""

import pytest

from torchladder.cli import climb, data, lr, rules
from torchladder.cli.main import VERBS, main
from torchladder.cli.settings import with_settings
from torchladder.core.errors import UsageError


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Return a function that writes the settings and gives the words of a command line with them."""

    def given(text, words=(), verb="climb", module=climb):
        (tmp_path / "pyproject.toml").write_text(text)
        inside = tmp_path / "deep" / "down"
        inside.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(inside)
        return with_settings(verb, module.parser(), list(words), VERBS)

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
    typed = ["--budget", "30", "--select", "TL2", "train.py"]
    words = settings('[tool.torchladder]\nbudget = 90\nselect = ["TL4"]\n', typed)
    options = climb.parser().parse_args(words)

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
        (
            "[tool.torchladder]\nclimb = 3\n",
            "[tool.torchladder]: climb is a value, where a table of its options is wanted",
        ),
        ("[tool.torchladder.clim]\nto = 3\n", "'clim'; the nearest: climb"),
        ("[tool.torchladder.climb]\nto = 9\n", "[tool.torchladder.climb]: to: '9' is not a rung from 1 to 7"),
        ("[tool.torchladder]\nfail-on = 'errors'\n", "fail-on: 'errors' is none of error, never, warning"),
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


PARTS = """
[tool.torchladder]
ignore = ["TL102"]
budget = 90

[tool.torchladder.data]
label = "target"

[tool.torchladder.data.check]
sample = 500

[tool.torchladder.data.split]
out = "sides"
fractions = [0.7, 0.3]
stratify = false
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["check", "a.csv"], ["check", "--ignore=TL102", "--label=target", "--sample=500", "a.csv"]),
        (
            ["split", "a.csv"],
            ["split", "--label=target", "--out=sides", "--fractions=0.7,0.3", "--no-stratify", "a.csv"],
        ),
        (["batch", "train.py"], ["batch", "--ignore=TL102", "--budget=90", "--label=target", "train.py"]),
        (["--help"], ["--help"]),
        ([], []),
    ],
)
def test_a_part_of_a_verb_has_a_table_of_its_own(settings, words, expected):
    """Beneath that of the verb, whose options go to each part that has them; all of it behind the part's name."""
    assert settings(PARTS, words, "data", data) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tool.torchladder.data.check]\nlable = 'y'\n", "check]: no option is called 'lable'; the nearest: label"),
        ("[tool.torchladder.data.check]\nfractions = '0.8,0.2'\n", "no option is called 'fractions'"),
        ("[tool.torchladder.data]\nlabell = 'y'\n", "data]: no option is called 'labell'; the nearest: label"),
        ("[tool.torchladder.data.chek]\nlabel = 'y'\n", "no option is called 'chek'; the nearest: check"),
        ("[tool.torchladder.data]\ncheck = 3\n", "check is a value, where a table of its options is wanted"),
    ],
)  # fmt: skip
def test_mistakes_in_the_table_of_a_part(settings, text, sentence):
    """The table, the key, and the nearest that exists."""
    with pytest.raises(UsageError) as caught:
        settings(text, ["check", "a.csv"], "data", data)
    assert sentence in str(caught.value)


def test_an_option_that_excludes_a_typed_one_is_left_out(settings):
    """The user's own word wins, where both at once would be refused."""
    text = "[tool.torchladder.data.split]\nscene = true\n"

    assert settings(text, ["split", "--at-random", "a.csv"], "data", data) == ["split", "--at-random", "a.csv"]
    assert settings(text, ["split", "a.csv"], "data", data) == ["split", "--scene", "a.csv"]


def test_a_part_is_run_with_its_settings(tmp_path, monkeypatch, capsys):
    """A column that only the settings name is the label; the one typed wins."""
    rows = [f"{i * 7 % 31},{i % 2},{'abc'[i % 3]}" for i in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["x,first,second", *rows]) + "\n")
    (tmp_path / "pyproject.toml").write_text("[tool.torchladder.data.check]\nlabel = 'second'\n")
    monkeypatch.chdir(tmp_path)

    main(["data", "check", "a.csv"])
    assert "3 classes" in capsys.readouterr().out
    main(["data", "check", "--label", "first", "a.csv"])
    assert "2 classes" in capsys.readouterr().out
