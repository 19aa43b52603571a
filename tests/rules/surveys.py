"""Surveys written by hand: one stage with a training side and a held-out side."""

from typing import Any

from torchladder.core.data_facts import SideFact, SurveyFact
from torchladder.core.facts import Facts, LossCallFact, TensorFact
from torchladder.core.findings import Place

MADE, CALL = Place("train.py", 20), Place("train.py", 40)
COUNTS = {"0": 500, "1": 480}
TRAIN = SideFact(
    role="train",
    loader=0,
    made=MADE,
    call=CALL,
    rows=980,
    read=980,
    complete=True,
    shape=(8,),
    dtype="float32",
    entry_mean=0.0,
    entry_std=1.0,
    columns=8,
    classes=True,
    label_counts=COUNTS,
    majority=0.51,
    neighbour_score=0.8,
    neighbour_chance=0.5,
    neighbour_z=20.0,
    probe_score=0.85,
)
HELD = SideFact(
    role="held-out",
    loader=1,
    made=Place("train.py", 21),
    call=Place("train.py", 50),
    rows=300,
    read=300,
    complete=True,
    shape=(8,),
    dtype="float32",
    entry_mean=0.0,
    entry_std=1.0,
    classes=True,
    label_counts={"0": 150, "1": 150},
    majority=0.5,
    neighbour_score=0.8,
    neighbour_chance=0.5,
    neighbour_z=14.0,
    probe_score=0.85,
)
LOGITS = TensorFact((32, 2), "float32", requires_grad=True)
TARGET = TensorFact((32,), "int64", min=0, max=1, integral=True)
LOSS = LossCallFact("cross_entropy", 0, 0, CALL, LOGITS, TARGET, 0.7, label_counts={"0": 16, "1": 16})


def survey(train: SideFact = TRAIN, held: tuple[SideFact, ...] = (HELD,), **parts: Any) -> SurveyFact:
    """Return one stage."""
    return SurveyFact(0, 0, train, held, **parts)


def facts(*stages: SurveyFact, **parts: Any) -> Facts:
    """Return facts of these stages and one plain loss call."""
    return Facts(surveys=stages, loss_calls=parts.pop("loss_calls", (LOSS,)), **parts)
