"""Amp misuse: fires on loss scaling used by half, is silent on scaling that works."""

from torchladder.core.facts import ErrorFact, Facts, ProgramFact
from torchladder.core.findings import Place, Severity
from torchladder.core.step_facts import ScalerFact
from torchladder.rules.loop.amp_misuse import amp_misuse as rule_


def judge(**parts):
    known = {"scaled": 100, "steps": 100, "updates": 100, "first": 65536.0, "last": 131072.0}
    return rule_.judge(Facts(scalers=(ScalerFact(Place("train.py", 9), **{**known, **parts}),)))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_half_of_the_scaling_is_found():
    """A loss that is not scaled, a step that is not unscaled, a scale that never moves or has collapsed."""
    error = ErrorFact("AssertionError", "No inf checks were recorded for this optimizer.", "")
    row = ScalerFact(Place("train.py", 9), steps=1, unscaled_backwards=1)
    (unscaled,) = rule_.judge(Facts(scalers=(row,), program=ProgramFact("crashed", error=error)))
    (bare,) = judge(steps=0, updates=0, bare_steps=100)
    (fixed,) = judge(updates=0)
    (collapsed,) = judge(last=2.0**-10, skipped=90)

    assert unscaled.severity is Severity.ERROR
    assert "65536" in bare.message
    assert "update" in fixed.message
    assert collapsed.severity is Severity.WARNING


def test_what_the_scaler_itself_ends_is_explained():
    """A bare step before update(), and a second step without one."""
    bare = ErrorFact("AssertionError", "No inf checks were recorded prior to update.", "")
    twice = ErrorFact("RuntimeError", "unscale_() has already been called since the last update().", "")
    steps = ScalerFact(None, scaled=1, steps=0, updates=1, bare_steps=1, first=1024.0)
    (stepped,) = rule_.judge(Facts(scalers=(steps,), program=ProgramFact("crashed", error=bare)))
    again = ScalerFact(None, scaled=2, steps=1, unscales=2, first=1024.0)
    (updated,) = rule_.judge(Facts(scalers=(again,), program=ProgramFact("crashed", error=twice)))

    assert "unscaled" in stepped.message
    assert updated.severity is Severity.ERROR


def test_float16_without_a_scaler_is_found():
    """Autocast alone is not enough for float16."""
    (found,) = rule_.judge(Facts(scalers=(ScalerFact(Place("train.py", 9), missing=True),)))

    assert "without a GradScaler" in found.message


def test_silent_on_scaling_that_works():
    """A scale that halves now and then, a scaler made and not used, accumulation."""
    assert judge(last=1024.0, skipped=6) == []
    assert judge(scaled=0, steps=0, updates=0) == []
    assert judge(scaled=400) == []
    assert rule_.judge(Facts(scalers=())) == []
