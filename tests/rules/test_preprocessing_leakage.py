"""preprocessing-leakage on facts written by hand; what makes the facts is tested with data/preparation.py."""

from dataclasses import replace

import numpy as np

from torchladder.core.facts import Facts
from torchladder.core.findings import Place, Severity
from torchladder.core.shift_facts import PreparationFact
from torchladder.data.examine import Samples
from torchladder.probes.prepared_together import prepared_together
from torchladder.rules.data.preprocessing_leakage import preprocessing_leakage as rule

FITTED = PreparationFact(0, "standardised", 30, 30, 1e-9, 0.03, 569, ("radius", "area"))


def test_a_scaler_that_saw_both_sides_is_a_warning() -> None:
    """Its columns are named."""
    (found,) = rule.judge(Facts(preparations=(FITTED,))) or []

    assert found.severity is Severity.WARNING
    assert "30 of 30 columns are standardised over training and held-out samples" in found.message
    assert "`radius`" in found.notes[0]


def test_means_alone_are_a_remark() -> None:
    """Published data is often centred before anybody splits it."""
    (found,) = rule.judge(Facts(preparations=(replace(FITTED, how="centred"),))) or []

    assert found.severity is Severity.NOTE


def test_all_values_as_one_column_have_no_names() -> None:
    """Pictures are standardised as a whole."""
    (found,) = rule.judge(Facts(preparations=(replace(FITTED, columns=1, judged=1, names=()),))) or []

    assert found.message.startswith("the values are")


def test_nothing_fitted_is_silent() -> None:
    """No row, no word."""
    assert rule.judge(Facts(preparations=())) == []


def side(x, **parts):
    """A side of a program, as its samples are stored or as they entered."""
    return Samples(x=x.astype(np.float32), complete=True, **parts)


def table(rows=300):
    return np.random.default_rng(3).normal(4.0, 3.0, (rows, 6))


def test_a_program_that_scales_before_it_splits(tmp_path):
    """Seen in the numbers of both sides, and looked up in the source; stored or as they entered, again and again."""
    file = tmp_path / "train.py"
    file.write_text("scaler = StandardScaler()\nx = scaler.fit_transform(x)\nxtr, xte = x[:200], x[200:]\nloader = 1\n")
    x = table()
    x = (x - x.mean(0)) / x.std(0)
    entered = Samples(entry=np.concatenate([x[200:], x[200:]]).astype(np.float32))
    for held in ([side(x[200:])], [entered], [side(x[200:250]), side(x[250:])]):
        found = prepared_together(side(x[:200]), held, Place(str(file), 4))
        assert (found.how, found.columns, found.place.line) == ("standardised", 6, 2)


def test_silent_on_programs_that_prepare_rightly():
    """Scaled by training's own figures, each side by its own, or not at all; a part of the held-out rows; one side."""
    x = table()
    own = (x - x[:200].mean(0)) / x[:200].std(0)
    each = [(part - part.mean(0)) / part.std(0) for part in (x[:200], x[200:])]
    both = (x - x.mean(0)) / x.std(0)
    assert prepared_together(side(own[:200]), [side(own[200:])], None) is None
    assert prepared_together(side(each[0]), [side(each[1])], None) is None
    assert prepared_together(side(x[:200]), [side(x[200:])], None) is None
    assert prepared_together(side(both[:200]), [side(both[200:240])], None) is None
    assert prepared_together(side(both[:200]), [], None) is None
