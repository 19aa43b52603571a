"""Metric wrong: fires on sick facts, is silent on near ones."""

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.loop_facts import PrintedFact
from torchladder.rules.loop.metric_wrong import metric_wrong as rule_

AT = Place("t.py", 9)
RIGHT, LAST, MEAN = (0.50, 0.70, 0.80), (0.25, 0.80, 0.65), (0.53, 0.66, 0.83)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(values, digits=4, word="accuracy", calls=3):
    passes = tuple(
        EvaluationFact(
            i, 10, 0, "Net", AT, calls, 100, kind="classes", accuracy=a, majority=0.1, last_accuracy=b, batch_accuracy=m
        )
        for i, (a, b, m) in enumerate(zip(RIGHT, LAST, MEAN, strict=True))
    )
    row = PrintedFact(Place("t.py", 20), 0, word, (0, 1, 2)[: len(values)], values, digits, Place("t.py", 11))
    return rule_.judge(Facts(printed=(row,), evaluations=passes))


def test_the_usual_mistakes_are_told_apart():
    """The last batch, the mean of batches, a count over the wrong number."""
    (last,) = judge(LAST)
    (mean,) = judge(MEAN)
    (count,) = judge(tuple(100 / 3 * a for a in RIGHT))

    assert "last batch" in last.notes[0]
    assert "mean over batches" in mean.notes[0]
    assert "number of batches" in count.notes[0]
    assert last.where[0] == Place("t.py", 11)


def test_silent_on_look_alikes():
    """The right figure, in percent, another metric, too few passes, a rounding that hides it."""
    assert judge(RIGHT) == []
    assert judge(tuple(100 * a for a in RIGHT)) == []
    assert judge((0.41, 0.62, 0.77)) == []
    assert judge(LAST[:2]) == []
    assert judge((1.0, 1.0, 1.0), digits=0) == []
