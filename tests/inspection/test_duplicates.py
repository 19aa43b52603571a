"""Copies planted in real pictures, in texts and in tables are found, and nothing else is."""

import numpy as np
import pytest
from sklearn import datasets

from tests.inspection.sources import Memory, arrays, folded, pictures, table, texts
from torchladder.core.duplicate_facts import DuplicateFact
from torchladder.core.facts import Facts
from torchladder.inspection.duplicates import Duplicates
from torchladder.rules.data.duplicate_samples import duplicate_samples
from torchladder.rules.data.train_val_overlap import train_val_overlap

RNG = np.random.default_rng(0)


def rows(*sources: Memory, size: int = 100) -> dict[tuple[int, int, bool], DuplicateFact]:
    found = folded(Duplicates(), *sources, size=size)["duplicates"]
    return {(d.first, d.second, d.exact): d for d in found}


def digits() -> tuple[np.ndarray, np.ndarray]:
    d = datasets.load_digits()
    order = np.random.default_rng(1).permutation(len(d.target))
    return (d.images[order] * 15).astype(np.uint8), d.target[order]


def test_equal_pictures_are_counted_across_and_within_with_their_labels() -> None:
    """Ten across, six within, of which six have another label; pairs are named by the user's names."""
    x, y = digits()
    y[:6] = (y[300:306] + 1) % 10
    x[:6] = x[300:306]
    held, asked = np.concatenate([x[1400:], x[500:510]]), np.concatenate([y[1400:], y[500:510]])

    found = rows(pictures(list(x[:1400]), y[:1400]), pictures(list(held), asked, "b"))

    assert (found[0, 1, True].shared, found[0, 1, True].conflicts) == (10, 0)
    assert found[0, 1, True].examples[0].first == "a500"
    assert found[0, 1, True].examples[0].second == f"b{len(held) - 10}"
    assert (found[0, 0, True].shared, found[0, 0, True].conflicts, found[0, 0, True].labelled) == (6, 6, 6)
    assert found[1, 1, True].shared == 0


@pytest.mark.parametrize("how", ["brighter", "cropped", "noisy"])
def test_altered_pictures_are_near_copies(how: str) -> None:
    """Of 30 planted copies nearly all are found, and hardly any other pair."""
    rng = np.random.default_rng(2)
    x = RNG.integers(0, 255, (400, 6, 6, 3)).astype(np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    copies = {
        "brighter": lambda: np.clip(x[:30] * 1.25, 0, 255),
        "cropped": lambda: x[:30, 1:-1, 1:-1],
        "noisy": lambda: np.clip(x[:30] + rng.normal(0, 8, x[:30].shape), 0, 255),
    }[how]().astype(np.uint8)

    found = rows(pictures([*x, *copies]))[0, 0, False]

    assert found.shared >= 28
    assert found.groups <= 31
    assert found.clear >= 25
    assert all(e.first[1:] == str(int(e.second[1:]) - 400) for e in found.examples)


def test_real_digits_have_next_to_no_near_copies() -> None:
    """Digits resemble each other by nature; their neighbours say so, and no rule warns."""
    x, y = digits()

    found = folded(Duplicates(), pictures(list(x[:1400]), y[:1400]), pictures(list(x[1400:]), y[1400:], "b"))

    assert all(d.shared <= 5 for d in found["duplicates"])
    facts = Facts(duplicates=found["duplicates"], surveys=())
    assert not [f for r in (train_val_overlap, duplicate_samples) for f in r.judge(facts) or () if f.severity != "note"]


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_real_tables_are_left_alone(name: str) -> None:
    """Two irises are equal, as irises measured in millimetres are."""
    d = getattr(datasets, f"load_{name}")()
    order = np.random.default_rng(3).permutation(len(d.data))
    cut = len(order) * 3 // 4
    sides = [
        arrays(d.data[order[:cut]], d.target[order[:cut]]),
        arrays(d.data[order[cut:]], d.target[order[cut:]], "b"),
    ]

    facts = Facts(duplicates=folded(Duplicates(), *sides)["duplicates"], surveys=())

    assert train_val_overlap.judge(facts) == []
    assert duplicate_samples.judge(facts) == []


def test_facts_do_not_depend_on_how_blocks_are_cut() -> None:
    """Shards of seven and of a thousand samples give the same facts."""
    x, y = digits()
    x[:20] = x[200:220]

    first, second = (rows(pictures(list(x[:500]), y[:500]), size=n) for n in (7, 1000))

    assert first == second


def test_blank_pictures_are_no_copies() -> None:
    """A blank picture equals any other, which says nothing."""
    x, _ = digits()
    x[:100] = 0

    assert rows(pictures(list(x[:300])))[0, 0, True].shared == 0


def test_texts_with_a_few_words_changed_are_near_copies() -> None:
    """Case and punctuation make no difference, one word in sixty is a near copy, short texts are left out."""
    rng = np.random.default_rng(4)
    words = np.array([f"word{i}" for i in range(5000)])
    documents = [" ".join(rng.choice(words, 60)) for _ in range(300)]
    changed = documents[5].split()
    changed[30] = "else"
    held = [documents[4].upper().replace(" ", ",  "), " ".join(changed), "yes, thank you"]

    found = rows(texts([*documents, "Yes thank you"]), texts(held, name="b"))

    assert (found[0, 1, True].shared, found[0, 1, False].shared) == (1, 1)
    assert found[0, 1, True].examples[0].first == "a4"
    assert found[0, 1, False].examples[0].first == "a5"
    assert found[0, 0, False].shared == 0


def make_table(n: int = 600) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    columns = {f"x{j}": rng.normal(size=n) for j in range(8)} | {"id": np.arange(n, dtype=float)}
    return columns | {"town": np.array([f"town {i}" for i in rng.integers(0, 20, n)], dtype=object)}


def test_rows_equal_but_for_their_number_are_near_copies() -> None:
    """The column that differs is named."""
    columns = make_table()
    for name, values in columns.items():
        if name != "id":
            values[:30] = values[300:330]

    found = rows(table(columns))

    assert found[0, 0, True].shared == 0
    assert found[0, 0, False].shared == 30
    assert found[0, 0, False].differing == (("id", 1.0),)


def test_rows_equal_but_for_rounding_are_near_copies_and_others_are_not() -> None:
    """Noise of a ten-thousandth of the deviation is none; a table without copies has none."""
    columns = make_table()
    assert rows(table(columns))[0, 0, False].shared == 0
    for name, values in columns.items():
        values[:30] = values[300:330] if name == "town" else values[300:330] + 1e-5

    assert rows(table(columns))[0, 0, False].shared == 30


def test_poor_rows_that_agree_by_chance_are_no_finding() -> None:
    """Equal throws of three dice were not copied."""
    rng = np.random.default_rng(6)
    throws = {f"die {i}": rng.integers(1, 7, 600).astype(float) for i in range(3)}

    facts = Facts(duplicates=folded(Duplicates(), table(throws))["duplicates"], surveys=())

    assert facts.duplicates is not None
    assert facts.duplicates[0].shared > 100
    assert duplicate_samples.judge(facts) == []


def test_long_series_are_compared_exactly_and_say_so() -> None:
    """What is not looked for is unknown, not absent."""
    x = np.random.default_rng(7).normal(size=(100, 50, 9))
    x[1] = x[0]

    found = rows(arrays(x))

    assert found[0, 0, True].shared == 1
    assert found[0, 0, False].unknown is not None


def test_a_side_without_samples_and_sides_of_other_kinds_are_no_trouble() -> None:
    """Nothing is compared that cannot be; exact copies are still counted."""
    x, _ = digits()
    x[1] = x[0]

    empty = rows(pictures(list(x[:100])), pictures([], name="b"))
    other = rows(pictures(list(x[:100])), texts(["words " * 20] * 5, name="b"))

    assert (empty[0, 0, True].shared, empty[0, 1, True].compared) == (1, 0)
    assert other[0, 0, True].shared == 1
    assert other[0, 1, False].unknown is not None
    assert folded(Duplicates(), pictures([]))["duplicates"] == ()


def test_pairs_with_other_labels_are_shown_first_and_missing_labels_do_not_contradict() -> None:
    """Files beside the class folders have no class."""
    x, _ = digits()
    x[:10] = x[100:110]
    labels = np.array(["a"] * 300, dtype=object)
    labels[:8] = None
    labels[9] = "b"

    found = rows(pictures(list(x[:300]), labels))[0, 0, True]

    assert (found.shared, found.labelled, found.conflicts) == (10, 2, 1)
    assert found.examples[0].labels == ("b", "a")
