"""Missing train mode: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, RootFact
from torchladder.core.findings import Place
from torchladder.rules.loop.missing_train_mode import missing_train_mode as rule_


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


TURNED = ((0, True), (1, True), (22, False), (23, False))
NEVER = ((0, False), (1, False), (2, False))


def judge(flags, **parts):
    known = {"training_flags": flags, "mode_layers": ("drop",), "eval_calls": 3, "place": Place("t.py", 9)}
    root = RootFact("model", "MLP", 0, 8, parts.pop("n_trainable", 8), (), None, **{**known, **parts})
    return rule_.judge(Facts(roots=(root,)))


def test_training_after_an_evaluation_is_found():
    """From the first step in evaluation mode on."""
    (found,) = judge(TURNED)

    assert found.message == "training runs in evaluation mode from step 22 on"
    assert judge(NEVER)


def test_silent_on_look_alikes():
    """Train mode, no such layers, no evaluation, pretrained or partly frozen, a single step."""
    assert judge(((0, True), (22, True))) == []
    assert judge(TURNED, mode_layers=()) == []
    assert judge(TURNED, eval_calls=0) == []
    assert judge(NEVER, pretrained=True) == []
    assert judge(NEVER, n_trainable=2) == []
    assert judge(((0, True), (1, False))) == []
    assert judge(((0, False), (1, False), (2, True))) == []
