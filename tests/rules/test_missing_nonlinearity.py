"""Missing nonlinearity: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import AffinePairFact, Facts, ParameterFact, TrialFact
from torchladder.core.findings import Severity, Standing
from torchladder.rules.model.missing_nonlinearity import missing_nonlinearity as rule_


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(*pairs, passed=None, parameters=None):
    trials = () if passed is None else (TrialFact("base", 0, (0.7, 0.69), passed, ""),)
    return rule_.judge(Facts(affine_pairs=pairs, trials=trials, parameters=parameters))


def pair(*widths, whole=True, first="layer1"):
    return AffinePairFact(0, first, "layer2", widths, whole)


def test_a_wholly_linear_stack_is_proven():
    """An error where the batch is not fitted, else a warning."""
    (failed,) = judge(pair(2, 30, 30), pair(30, 30, 2, first="layer0"), passed=False)
    (passed,) = judge(pair(64, 128, 10), passed=True)

    assert (failed.severity, failed.standing) == (Severity.ERROR, Standing.PROVEN)
    assert failed.fixes[0].change.args["modules"] == ["layer1", "layer0"]
    assert (passed.severity, passed.standing) == (Severity.WARNING, Standing.PROVEN)


def test_a_deep_linear_autoencoder_is_left_alone():
    """A bottleneck anywhere makes the whole a low-rank factor, as in a comparison with PCA."""
    deep = (pair(64, 32, 8), pair(32, 8, 32, first="layer0"), pair(8, 32, 64, first="layer3"))

    assert judge(*deep, passed=True) == []
    assert [f.standing for f in judge(*deep, passed=False)] == [Standing.SUSPECTED]


def test_a_linear_part_is_suspected_when_the_batch_is_not_fitted():
    """Only an experiment can tell."""
    (found,) = judge(pair(2, 30, 30, whole=False), passed=False)

    assert found.standing is Standing.SUSPECTED
    assert judge(pair(2, 30, 30, whole=False), passed=True) == []
    assert judge(pair(2, 30, 30, whole=False)) == []


def test_silent_on_factors_and_embeddings():
    """Low rank restricts; an embedding chooses."""
    embedding = parameter(name="layer1.weight", module="layer1", module_type="EmbeddingBag")

    assert judge(pair(64, 8, 64), passed=False) == []
    assert judge(pair(768, 8, 768, whole=False), passed=False) == []
    assert judge(pair(5000, 32, 4), passed=False, parameters=(embedding,)) == []
    assert judge(passed=False) == []
