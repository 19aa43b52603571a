"""In-place or data write: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, TrialFact
from torchladder.core.findings import Place, Standing
from torchladder.core.loop_facts import WriteFact
from torchladder.rules.loop.inplace_or_data_write import inplace_or_data_write as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(failed=False, **parts):
    known = {"function": "copy_", "times": 5, "steps": 100, "share": 1.0, "likeness": 0.1, "undone": 0}
    trial = TrialFact("base", 0, (1.0, 0.9), not failed, "")
    return rule_.judge(Facts(writes=(WriteFact(0, AT, **{**known, **parts}),), trials=(trial,)))


def test_weights_made_anew_again_and_again_are_found():
    """They no longer resemble what they were."""
    (found,) = judge()

    assert found.standing is Standing.PROVEN


def test_weights_set_back_to_the_start_are_found():
    """Twice exactly what they were before the first step, however much alike."""
    (found,) = judge(likeness=0.9, times=2, undone=2)

    assert "set back" in found.message


def test_a_large_write_is_suspected_where_one_batch_is_not_memorised():
    """Only the run without the write can tell."""
    (found,) = judge(failed=True, likeness=0.95)

    assert found.standing is Standing.SUSPECTED


def test_silent_on_look_alikes():
    """Clipping and averages, one layer, a single time, decay in a run that fails for another reason."""
    assert judge(likeness=0.98) == []
    assert judge(share=0.1) == []
    assert judge(times=1) == []
    assert judge(failed=True, likeness=0.9999) == []
