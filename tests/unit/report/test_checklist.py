"""Seven points, each ticked by what was measured; what was not reached is left open."""

import dataclasses

from tests.snapshots.reports import BROKEN, HEALTHY
from torchladder.core.report import RungResult, State
from torchladder.report.checklist import lines, points


def test_a_broken_rung_leaves_the_later_points_open():
    """Data and baseline hold, one batch does not, the rate was not reached."""
    holds = [p.holds for p in points(BROKEN)]

    assert holds[0] is True
    assert holds[5] is False
    assert holds[6] is None


def test_everything_holds_after_a_whole_climb():
    """Seven of seven, and the next command."""
    facts = {"model": "Net", "parameters": 10, "trainable_share": 1.0, "input_shape": [4, 3], "output_shape": [4, 2]}
    rungs = tuple(
        RungResult(n, "r", State.PASSED, "words", facts=facts if n == 2 else {}, clear=("TL213",)) for n in range(1, 6)
    )
    report = dataclasses.replace(HEALTHY, rungs=rungs)

    assert [p.holds for p in points(report)] == [True] * 7
    assert "torchladder watch" in "\n".join(t.plain for t in lines(report, 80))


def test_a_finding_about_gradients_is_named():
    """Whatever rung it was judged at."""
    assert BROKEN.cause is not None
    cause = dataclasses.replace(BROKEN.cause, code="TL213", name="detached-graph", message="cut")
    report = dataclasses.replace(BROKEN, cause=cause, findings=(cause,))

    assert points(report)[4].holds is False
    assert points(report)[4].words == "detached-graph: cut"
