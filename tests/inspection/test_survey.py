"""The survey of real data: silent as it is, and each planted fault is found."""

import dataclasses

import numpy as np
import pytest

from tests.inspection.real import Memory, cells, digits, folded, loud, said
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.inspection.sample import Kept
from torchladder.inspection.survey import Survey

CODES = ("TL104", "TL113", "TL114", "TL118", "TL120", "TL121")


@pytest.mark.parametrize("seed", range(3))
def test_real_data_as_it_is_brings_no_error_and_no_warning(seed: int) -> None:
    """Random splits, whatever the seed."""
    for sides in (cells(seed), digits(seed)):
        facts = folded(Survey(), sides)
        for code in CODES:
            assert loud(said(code, facts)) == [], code


def test_the_sample_does_not_depend_on_how_the_data_is_dealt_out() -> None:
    """The same places, whichever shards they came in."""
    x = np.arange(900.0).reshape(-1, 1)

    def kept(step: int, shard: int) -> list[int]:
        source, total = Memory(x, step=step), Kept(size=100)
        for span in source.shards(shard):
            part = Kept(size=100)
            for block in source.blocks(*span):
                part.add(block)
            total = total.joined(part)
        return [item.place for item in total.final()]

    assert kept(900, 900) == kept(7, 50) == kept(100, 450)
    assert len(kept(7, 50)) == 100
    assert max(np.diff(kept(7, 50))) < 90


@pytest.mark.parametrize("shard", [100, 10_000])
def test_the_facts_do_not_depend_on_how_the_data_is_dealt_out(shard: int) -> None:
    """Nor do the figures."""
    assert folded(Survey(), digits(), shard) == folded(Survey(), digits())


@pytest.mark.parametrize(
    "moved",
    [
        lambda y: np.roll(y, 1),
        lambda y: y[::-1].copy(),
        lambda y: y[np.array(sorted(range(len(y)), key=str))],
    ],
    ids=["by a row", "back to front", "sorted as text"],
)
def test_labels_out_of_step_are_found(moved) -> None:
    """By a row, back to front, sorted as text."""
    train, held = digits()
    (found,) = said("TL104", folded(Survey(), (dataclasses.replace(train, labels=moved(train.labels)), held)))

    assert found.severity is Severity.ERROR


def test_classes_moved_on_one_side_are_told_from_a_shift_of_rows() -> None:
    """Each digit is called the next one, modulo 10."""
    train, held = digits()
    (found,) = said("TL104", folded(Survey(), (train, dataclasses.replace(held, labels=(held.labels + 1) % 10))))

    assert "modulo 10" in found.message


def test_classes_renamed_on_both_sides_are_no_fault() -> None:
    """A name is a name."""
    sides = [dataclasses.replace(s, labels=(7 * s.labels + 3) % 10) for s in digits()]

    assert said("TL104", folded(Survey(), sides)) == []


def test_random_labels_are_called_what_they_are() -> None:
    """On both sides: a remark, no alarm."""
    rng = np.random.default_rng(0)
    sides = [dataclasses.replace(s, labels=rng.permutation(s.labels)) for s in digits()]
    (found,) = said("TL104", folded(Survey(), sides))

    assert found.severity is Severity.NOTE


def test_wrong_labels_are_shown_by_name() -> None:
    """One in six of the training labels; those shown are among them."""
    train, held = digits()
    labels, rows = train.labels.copy(), np.arange(0, train.rows, 6)
    labels[rows] = (labels[rows] + 4) % 10
    facts = folded(Survey(), (dataclasses.replace(train, labels=labels), held))
    (found,) = said("TL120", facts)
    suspects = facts["surveys"][0].noise[0].suspects

    assert found.severity is Severity.WARNING
    assert found.seen[0].value == pytest.approx(1 / 6, abs=0.05)
    assert sum(int(s.name.split()[1]) % 6 == 0 for s in suspects) >= 9


def test_a_column_made_from_the_label_is_named() -> None:
    """Beside columns that know less."""
    rng = np.random.default_rng(0)
    sides = []
    for side in cells():
        noisy = {k: v + 1.5 * v.std() * rng.normal(size=len(v)) for k, v in side.x.items()}
        sides.append(dataclasses.replace(side, x={**noisy, "ward": side.labels * 10 + rng.normal(size=side.rows)}))
    (found,) = said("TL113", folded(Survey(), sides))

    assert "`ward`" in found.message


def test_a_side_on_another_scale_is_found() -> None:
    """Training standardised, the held-out side as it was."""
    train, held = cells()
    ours = {k: (v - v.mean()) / v.std() for k, v in train.x.items()}
    (found,) = said("TL114", folded(Survey(), (dataclasses.replace(train, x=ours), held)))

    assert found.severity is Severity.ERROR


def coloured(seed: int) -> list[Memory]:
    """Return digits in colours that say something of the digit."""
    rng = np.random.default_rng(seed)
    out = []
    for side in digits():
        tint = np.stack([0.9 - 0.05 * side.labels, 0.5 + 0 * side.labels, 0.2 + 0.05 * side.labels], axis=1)
        tint = (tint + 0.05 * rng.random(tint.shape))[:, :, None, None]
        out.append(dataclasses.replace(side, x=(side.x[:, None] * tint).astype(np.float32)))
    return out


def test_channels_in_another_order_are_found() -> None:
    """RGB against BGR; in one order they are left alone."""
    train, held = coloured(0)

    assert said("TL118", folded(Survey(), (train, held))) == []
    assert len(said("TL118", folded(Survey(), (train, dataclasses.replace(held, x=held.x[:, ::-1].copy()))))) == 1


def test_a_sorted_file_cut_in_two_is_told_apart_by_the_column_it_was_sorted_by() -> None:
    """And answers to unlike inputs are not judged."""
    train, held = cells()
    whole = {k: np.concatenate([train.x[k], held.x[k]]) for k in train.x}
    labels = np.concatenate([train.labels, held.labels])
    order = np.argsort(whole["mean texture"])
    halves = [Memory({k: v[rows] for k, v in whole.items()}, labels[rows]) for rows in (order[:400], order[400:])]
    facts = folded(Survey(), halves)
    found = [f for f in said("TL121", facts) if "inputs" in f.message]

    assert found[0].severity is Severity.WARNING
    assert str(found[0].seen[1].value).startswith("mean texture")
    assert next(s for s in facts["shifts"] if s.kind == "concept").effect is None


def test_time_that_changes_the_data_is_a_remark() -> None:
    """Texture grows from year to year."""
    train, held = cells()
    times = 1e9 + 1e6 * np.argsort(np.argsort(train.x["mean texture"]))
    found = said("TL121", folded(Survey(), (dataclasses.replace(train, times=times), held)))

    assert [f.severity for f in found] == [Severity.NOTE]
    assert "early" in found[0].message


def test_texts_are_compared_by_their_words() -> None:
    """Two subjects; one side full of numbers."""
    rng = np.random.default_rng(0)
    words = [["cat", "dog", "bird", "fish"], ["bond", "share", "bank", "rate"]]

    def texts(n: int, extra: str = "") -> Memory:
        labels = rng.integers(0, 2, n)
        return Memory([" ".join([*rng.choice(words[k], 12), extra]) for k in labels], labels)

    alike = folded(Survey(), (texts(300), texts(150)))
    apart = folded(Survey(), (texts(300), texts(150, "invoice 2031")))

    assert said("TL121", alike) == []
    assert "share of digits" in str(said("TL121", apart)[0].seen[1].value)
    assert alike["surveys"][0].train.probe_score > 0.95


@pytest.mark.parametrize(
    "sides",
    [
        (Memory(np.zeros((0, 3)), np.zeros(0)), Memory(np.zeros((0, 3)), np.zeros(0))),
        (Memory(np.zeros((3, 3)), np.zeros(3)), Memory(np.zeros((2, 3)), np.zeros(2))),
        (Memory(np.ones((80, 3)), np.zeros(80)), Memory(np.ones((80, 3)), np.ones(80))),
        (Memory({"a": np.array([None] * 90, dtype=object)}), Memory({"b": np.arange(90)})),
        (Memory([""] * 90, np.array(["x"] * 90, dtype=object)), Memory([""] * 90)),
    ],
    ids=["empty", "tiny", "constant", "no column in common", "no words"],
)
def test_what_says_nothing_is_no_trouble(sides: tuple[Memory, ...]) -> None:
    """Empty, tiny, constant, without a column in common, without words."""
    facts = folded(Survey(), sides)
    for code in CODES:
        assert [f for f in said(code, facts) if f.severity is Severity.ERROR] == []


def predicted(side: Memory, right: float, seed: int, names: bool = False) -> np.ndarray:
    """Return the labels of a side as a model would predict that is right so often, by name or by number."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(side.rows) >= right
    found = np.where(wrong, rng.permutation(side.labels), side.labels)
    return np.array([f"digit {p}" for p in found], dtype=object) if names else found


@pytest.mark.parametrize("names", [False, True])
def test_equal_inputs_with_other_answers_are_found_by_predictions(names: bool) -> None:
    """Digits whose held-out labels follow another rule, beside the predictions of a model that knows the old one."""
    train, held = digits()
    say = (lambda y: np.array([f"digit {v}" for v in y], dtype=object)) if names else (lambda y: y)
    train = dataclasses.replace(train, labels=say(train.labels), predictions=predicted(train, 1.0, 0, names))
    told = predicted(held, 0.9, 1, names)
    same = dataclasses.replace(held, labels=say(held.labels), predictions=told)
    other = dataclasses.replace(held, labels=say((held.labels + 3) % 10), predictions=told)

    (found,) = [f for f in said("TL121", folded(Survey(), (train, other))) if "read anew" in f.seen[0].what or f.notes]
    assert found.severity is Severity.WARNING
    assert found.seen[0].value > 0.7
    assert any("predicted " in note for note in found.notes)
    assert loud(said("TL121", folded(Survey(), (train, same)))) == []


def test_without_predictions_their_relation_is_unknown_and_with_odd_ones_too() -> None:
    """Nobody looked, or the predictions name no class."""
    train, held = digits()
    fold = Survey()

    def state(sides: tuple[Memory, ...]) -> tuple[str | None, str | None]:
        lines = fold.lines(Facts(**folded(fold, sides)))
        return next((x.value, x.unknown) for x in lines if x.check == "labels beside predictions")

    odd = [dataclasses.replace(s, predictions=np.array(["?"] * s.rows, dtype=object)) for s in (train, held)]
    assert state((train, held)) == (None, "no predictions were named (--predictions)")
    assert state((odd[0], odd[1])) == (None, "the predictions do not name the classes that the labels have")


def sorted_in_two(**named: np.ndarray) -> tuple[Memory, Memory]:
    """Return a table cut where one column divides it, with groups or times."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.normal(size=600)) * 3
    table = {"a": x, "b": rng.normal(size=600)}
    cut = [slice(0, 400), slice(400, 600)]
    sides = [
        Memory({k: v[c] for k, v in table.items()}, labels=np.arange(600)[c] % 2, **{k: v[c] for k, v in named.items()})
        for c in cut
    ]
    return sides[0], sides[1]


@pytest.mark.parametrize(
    ("named", "planned", "words"),
    [
        ({}, "by scene", "by scene"),
        ({"groups": np.arange(600) // 20}, None, "by group `group`"),
        ({"times": np.arange(600.0)}, None, "in time by `time`"),
    ],
)
def test_a_cut_that_was_meant_is_a_remark(named: dict[str, np.ndarray], planned: str | None, words: str) -> None:
    """Written down, or known by groups and times that lie on one side only; without that it is a warning."""
    found = [
        f for f in said("TL121", folded(Survey(), sorted_in_two(**named), planned=planned)) if "inputs" in f.message
    ]

    assert [f.severity for f in found] == [Severity.NOTE]
    assert words in found[0].message
    mixed = {k: np.random.default_rng(1).permutation(v) for k, v in named.items()}
    (loud_one,) = [f for f in said("TL121", folded(Survey(), sorted_in_two(**mixed))) if "inputs" in f.message]
    assert loud_one.severity is Severity.WARNING
