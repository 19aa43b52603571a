"""What is counted over all samples of real tables, and what is planted there."""

import dataclasses

import numpy as np
import pytest

from tests.inspection.real import Memory, cells, digits, folded, loud, said
from torchladder.inspection.counts import Counts


def test_a_real_table_is_counted_exactly() -> None:
    """As NumPy counts it."""
    train, held = cells()
    (ours, _), name = folded(Counts(), (train, held))["sets"], "mean radius"
    column = next(c for c in ours.columns if c.name == name)

    assert ours.labels.counts == {"0": int((train.labels == 0).sum()), "1": int((train.labels == 1).sum())}
    assert column.mean == pytest.approx(train.x[name].mean())
    assert column.std == pytest.approx(train.x[name].std())
    assert (column.low, column.high) == (train.x[name].min(), train.x[name].max())


@pytest.mark.parametrize("shard", [7, 50, 1000])
def test_the_facts_do_not_depend_on_how_the_data_is_dealt_out(shard: int) -> None:
    """Many small shards give what one gives."""
    x, y = np.random.default_rng(0).normal(size=(300, 5)), np.arange(300) % 3
    x[::40, 1] = np.nan
    x[:, 4] = x[:, 2]
    whole = folded(Counts(), (Memory(x, y), Memory(x[:90], y[:90])))["sets"][0]
    parts = folded(Counts(), (Memory(x, y, step=5), Memory(x[:90], y[:90])), shard)["sets"][0]

    assert parts.same == whole.same == (("2", "4"),)
    assert parts.labels == whole.labels
    assert [(c.values, c.missing, c.low, c.high, c.examples) for c in parts.columns] == [
        (c.values, c.missing, c.low, c.high, c.examples) for c in whole.columns
    ]
    assert [c.mean for c in parts.columns] == pytest.approx([c.mean for c in whole.columns])


@pytest.mark.parametrize("seed", range(3))
def test_real_data_as_it_is_brings_no_error_and_no_warning(seed: int) -> None:
    """Tables and pictures."""
    for sides in (cells(seed), digits(seed)):
        facts = folded(Counts(), sides)
        for code in ("TL101", "TL102", "TL103", "TL105", "TL108", "TL112", "TL123", "TL127"):
            assert loud(said(code, facts)) == [], code


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_found_with_their_samples(value: float) -> None:
    """One in a hundred rows."""
    train, held = cells()
    column = train.x["mean area"].copy()
    column[[3, 200]] = value
    broken = dataclasses.replace(train, x={**train.x, "mean area": column})
    (found,) = said("TL102", folded(Counts(), (broken, held)))

    assert "`mean area`" in found.message
    assert found.seen[-1].value == "row 3, row 200"


def test_copied_and_constant_columns_are_named() -> None:
    """Words as well as numbers; a gap is part of what must agree."""
    train, held = cells()
    words = np.array(["a", "b", None], dtype=object)[np.arange(train.rows) % 3]
    other = words.copy()
    other[5] = "b" if other[5] != "b" else "a"
    extra = {"copy": train.x["mean area"], "site": np.full(train.rows, 3), "w": words, "w2": words.copy(), "w3": other}
    facts = folded(Counts(), (dataclasses.replace(train, x={**train.x, **extra}), held))

    assert facts["sets"][0].same == (("mean area", "copy"), ("w", "w2"))
    assert "`site`" in said("TL103", facts)[0].message
    assert len(said("TL127", facts)) == 1


def test_missing_labels_are_counted() -> None:
    """None among numbers."""
    train, held = digits()
    labels = train.labels.astype(object)
    labels[[4, 9]] = None
    (found,) = said("TL102", folded(Counts(), (dataclasses.replace(train, labels=labels), held)))

    assert found.seen[0].value == 2


def scaled(by: str, *, apart: bool = False) -> tuple[Memory, Memory]:
    """Return the table of cells, scaled by statistics of both sides, of training, or of each side."""
    sides = [np.stack(list(s.x.values()), axis=1) for s in cells()]
    both = np.concatenate(sides)
    fitted = [both, both] if not apart else sides if by == "each" else [sides[0], sides[0]]
    out = []
    for table, source, side in zip(sides, fitted, cells(), strict=True):
        low, span = source.min(axis=0), np.ptp(source, axis=0)
        new = (table - low) / span if by == "range" else (table - source.mean(axis=0)) / source.std(axis=0)
        out.append(dataclasses.replace(side, x=dict(zip(side.x, new.astype(np.float32).T, strict=True))))
    return out[0], out[1]


@pytest.mark.parametrize("by", ["standard", "range"])
def test_a_scaler_fitted_on_both_sides_is_found(by: str) -> None:
    """Thirty columns in 32 bits."""
    (found,) = said("TL112", folded(Counts(), scaled(by)))

    assert "together" in found.message


@pytest.mark.parametrize("by", ["standard", "range", "each"])
def test_a_scaler_fitted_on_training_or_on_each_side_is_not(by: str) -> None:
    """As it ought to be, and as many do."""
    assert said("TL112", folded(Counts(), scaled(by, apart=True))) == []


def test_pixels_in_one_range_are_not_taken_for_scaled() -> None:
    """Pictures divided by their largest value."""
    flat = [dataclasses.replace(s, x=s.x.reshape(s.rows, -1)) for s in digits()]

    assert said("TL112", folded(Counts(), flat)) == []


def test_lines_say_what_was_looked_at() -> None:
    """Each rule has its figure."""
    from torchladder.core.facts import Facts

    lines = Counts().lines(Facts(**folded(Counts(), cells())))

    assert {c for line in lines for c in line.codes} == {
        "TL101", "TL102", "TL103", "TL105", "TL108", "TL112", "TL123", "TL127",
    }  # fmt: skip
    assert all(line.value or line.unknown for line in lines)
