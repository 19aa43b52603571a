"""Clip misuse: fires on clipping that does nothing or leaves nothing, is silent on clipping that works."""

from tests.rules.steps import base
from torchladder.core.facts import Facts
from torchladder.core.findings import Place, Standing
from torchladder.core.step_facts import ClipFact
from torchladder.rules.loop.clip_misuse import clip_misuse as rule_


def judge(*, passed=True, **parts):
    known = {"kind": "norm", "place": Place("train.py", 12), "phase": 0, "limit": 1.0, "calls": 8}
    known |= {"before_backward": 0, "after_step": 0, "empty": 0, "strange": 0, "scaled": 0}
    row = ClipFact(**{**known, "norm_min": 0.4, "norm_median": 0.9, **parts})
    return rule_.judge(Facts(clips=(row,), trials=(base(passed=passed),)))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_misplaced_clipping_is_found():
    """Before backward, after the step, of nothing, of strangers, of scaled gradients."""
    for field, word in {
        "before_backward": "before `backward()`", "after_step": "after `optimizer.step()`", "empty": "no parameters",
        "strange": "no optimizer holds", "scaled": "unscale_",
    }.items():  # fmt: skip
        (found,) = judge(**{field: 8})
        assert word in found.message


def test_a_limit_far_below_every_norm_is_suspected_when_the_batch_is_not_fitted():
    """The run without clipping decides."""
    (found,) = judge(passed=False, limit=1e-5)

    assert found.standing is Standing.SUSPECTED
    assert found.fixes[0].change.kind == "no_clipping"


def test_silent_on_clipping_that_works():
    """A small norm that trains, a usual one that does not, one call at the wrong moment, too few calls."""
    assert judge(limit=1e-5) == []
    assert judge(passed=False) == []
    assert judge(after_step=1) == []
    assert judge(calls=1, after_step=1) == []
