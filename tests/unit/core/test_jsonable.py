"""Every report survives the way through JSON."""

import json
import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity, Standing, Trust
from torchladder.core.jsonable import from_json, to_json
from torchladder.core.report import Report, RungResult, State

words = st.text(max_size=12)
maybe_words = st.none() | words
numbers = st.floats(allow_nan=False) | st.integers(-(10**6), 10**6)
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | finite | words | st.integers()
lines = st.integers(1, 10**5)

places = st.builds(Place, words, lines, st.none() | lines, maybe_words)
measurements = st.builds(Measurement, words, values, maybe_words, values, st.none() | lines)
changes = st.builds(Change, words, st.dictionaries(words, values, max_size=2))
fixes = st.builds(
    Fix,
    words,
    st.sampled_from(Trust),
    st.none() | changes,
    maybe_words,
    st.none() | st.booleans(),
    st.none() | measurements,
    st.none() | measurements,
    st.none() | finite,
)


def tuples(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=2).map(tuple)


findings = st.builds(
    Finding,
    words,
    words,
    st.sampled_from(Severity),
    lines,
    words,
    tuples(places),
    maybe_words,
    tuples(measurements),
    tuples(words),
    maybe_words,
    tuples(fixes),
    maybe_words,
    st.sampled_from(Standing),
    st.none() | lines,
)
rungs = st.builds(
    RungResult,
    lines,
    words,
    st.sampled_from(State),
    words,
    finite,
    st.dictionaries(words, values, max_size=2),
    st.dictionaries(words, words, max_size=2),
    tuples(words),
    tuples(words),
)
reports = st.builds(
    Report,
    st.just(1),
    words,
    words,
    st.sampled_from(["broken", "healthy", "undecided"]),
    words,
    st.none() | findings,
    tuples(findings),
    tuples(rungs),
    st.dictionaries(words, values, max_size=2),
    finite,
    maybe_words,
    maybe_words,
    tuples(words),
    st.none() | st.dictionaries(words, values, max_size=2),
    st.integers(0, 5),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports)
def test_a_report_comes_back_as_it_went(report: Report) -> None:
    """``from_json`` is the inverse of ``to_json``, through real JSON text."""
    text = json.dumps(to_json(report), allow_nan=False)

    assert report == from_json(Report, json.loads(text))


def test_non_finite_numbers_have_a_form_in_strict_json() -> None:
    """NaN and the infinities are words in JSON and numbers again in typed fields."""
    rung = RungResult(1, "data", State.PASSED, "", seconds=math.inf)

    assert to_json(rung)["seconds"] == "inf"
    assert math.inf == from_json(RungResult, to_json(rung)).seconds
