"""Why a rule could not tell, in words."""

from torchladder.core.facts import Facts, InterrogationFact
from torchladder.ladder.reasons import UNSEEN, why_unseen


def test_nothing_missing_is_no_reason() -> None:
    """A rule that saw what it needs has judged."""
    assert why_unseen(("loss_calls",), Facts(loss_calls=())) is None


def test_the_reason_names_what_happened() -> None:
    """Not the name of a field."""
    facts = Facts(failures={"trial base": "the program ended after 3 steps"})

    assert why_unseen(("interrogations",), facts) == (
        "the model could not be asked directly: the program ended after 3 steps"
    )
    assert why_unseen(("loss_calls",), Facts()) == "no loss was computed where it could be watched"


def test_a_model_that_gave_no_answer_was_not_judged() -> None:
    """Asked in vain is not the same as found well."""
    asked = InterrogationFact(0, reason="the program has no module to ask")

    assert why_unseen(("interrogations",), Facts(interrogations=(asked,))) == (
        "the model could not be asked directly: the program has no module to ask"
    )


def test_every_kind_of_fact_has_words() -> None:
    """A new kind of fact needs a sentence of its own."""
    assert set(Facts.__dataclass_fields__) - {"failures"} <= set(UNSEEN)
