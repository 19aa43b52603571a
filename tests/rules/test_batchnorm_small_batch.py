"""Batch norm over few values: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import ErrorFact, Facts, LoaderFact, ProgramFact
from torchladder.core.findings import Place
from torchladder.core.model_facts import BatchNormFact
from torchladder.rules.model.batchnorm_small_batch import batchnorm_small_batch as rule_

ONE = "Expected more than 1 value per channel when training, got input size torch.Size([1, 64])"


def judge(*norms, error=None, n_samples=None):
    program = ProgramFact("crashed" if error else "ended", error=error and ErrorFact("ValueError", error, ""))
    place = Place("train.py", 4)
    loaders = (LoaderFact(0, "train", place, "D", n_samples, 64, None, "random", False, 0, 1, 9),) if n_samples else ()
    return rule_.judge(Facts(batch_norms=norms, program=program, loaders=loaders))


def norm(rows=2, values=2, calls=200, gap=0.8):
    return BatchNormFact(rows, rows, values, calls, 0.1, gap)


def test_a_last_batch_of_one_ended_the_program():
    """The size of the data set tells; leaving the batch out is the remedy."""
    (found,) = judge(error=ONE, n_samples=641)

    assert found.severity.value == "error"
    assert found.fixes[0].change.kind == "drop_short"


def test_other_batches_of_one_have_no_remedy_in_the_loader():
    """The data set divides evenly, so it was no last batch."""
    (found,) = judge(error=ONE, n_samples=640)

    assert found.fixes[0].change is None


def test_statistics_of_two_samples_are_noise():
    """Training and evaluation disagree on the same batch."""
    (found,) = judge(norm())

    assert found.severity.value == "warning"


def test_silent_on_look_alikes():
    """Agreement, larger batches, pictures, few calls, not asked, another error."""
    assert judge(norm(gap=0.05)) == []
    assert judge(norm(rows=32, values=32)) == []
    assert judge(norm(rows=2, values=2048)) == []
    assert judge(norm(calls=10)) == []
    assert judge(norm(gap=None)) == []
    assert judge(error="mat1 and mat2 shapes cannot be multiplied") == []
