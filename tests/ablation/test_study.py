"""The rounds: seeds only where they are needed, nothing twice, and no claims from noise."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.ablation.made import engine, plan, study
from torchladder.ablation.job import Job, Result
from torchladder.ablation.ledger import Ledger
from torchladder.ablation.reading import Verdict, combinations, rows_of, scale_of
from torchladder.ablation.study import Listener, conduct

SCALE = scale_of("score", lower=False, shares=False)
PLAIN = [80.0, 80.3, 79.8, 80.1]


def read(made) -> dict[str, tuple[Verdict, str]]:
    return {r.name: (r.verdict, r.words) for r in rows_of(made) if r.kind == "change"}


def test_seeds_are_added_only_where_the_difference_is_small(tmp_path: Path) -> None:
    """Two seeds settle a fall of thirty points; a change within noise gets all four."""
    values = {"baseline": PLAIN, "awful": [50.0, 50.3, 49.9, 50.0], "tiny": [80.1, 80.1, 79.9, 80.2]}

    made = study(values, tmp_path)

    assert sorted(made.results["awful"]) == [0, 1]
    assert sorted(made.results["tiny"]) == [0, 1, 2, 3]
    assert sorted(made.results["baseline"]) == [0, 1, 2, 3]
    assert read(made)["awful"][0] is Verdict.HURTS
    assert read(made)["tiny"][0] is Verdict.WITHIN


def test_seed_after_seed_and_the_baseline_first(tmp_path: Path) -> None:
    """A kill at any moment leaves rows that can be compared."""
    log: list[tuple[str, int]] = []

    conduct(plan(["a"], 2), engine(lambda row, seed: 1.0 + seed, log), Ledger(tmp_path))

    assert [("baseline", 0), ("a", 0), ("baseline", 1), ("a", 1)] == log


def test_finished_runs_are_not_made_again(tmp_path: Path) -> None:
    """A second time everything is there; a further change and more seeds make what is missing."""
    log: list[tuple[str, int]] = []
    value = engine(lambda row, seed: 1.0 + 0.1 * (seed % 2) + (row == "b"), log)
    conduct(plan(["a"], 2), value, Ledger(tmp_path))
    log.clear()

    again = conduct(plan(["a"], 2), value, Ledger(tmp_path))
    assert (again.taken, again.made, log) == (4, 0, [])

    conduct(plan(["a", "b"], 2), value, Ledger(tmp_path))
    assert [("b", 0), ("b", 1)] == log


@pytest.mark.parametrize("damage", ["", "{", '{"schema": 1, "result": {"state": "ended"}, "sha256": "0"}', "[]", "\0"])
def test_a_damaged_result_is_made_again(tmp_path: Path, damage: str) -> None:
    """Torn, empty, or with a figure that the checksum does not fit."""
    log: list[tuple[str, int]] = []
    value = engine(lambda row, seed: 1.0 + seed, log)
    conduct(plan(["a"], 1), value, Ledger(tmp_path))
    files = sorted(tmp_path.glob("*.json"))
    assert len(files) == 2
    files[0].write_text(damage)
    log.clear()

    made = conduct(plan(["a"], 1), value, Ledger(tmp_path))

    assert len(log) == 1
    assert made.values("a") == {0: 1.0}


def test_a_figure_changed_by_hand_is_not_believed(tmp_path: Path) -> None:
    """The checksum is of the values."""
    conduct(plan(["a"], 1), engine(lambda row, seed: 1.0), Ledger(tmp_path))
    for file in tmp_path.glob("*.json"):
        stored = json.loads(file.read_text())
        stored["result"]["values"]["score"] = 9.0
        file.write_text(json.dumps(stored))

    made = conduct(plan(["a"], 1), engine(lambda row, seed: 2.0), Ledger(tmp_path))

    assert made.values("a") == {0: 2.0}


def test_a_failing_change_is_a_row_and_gets_no_further_seeds(tmp_path: Path) -> None:
    """The others are judged; what failed is tried again by the next call."""
    values = {"baseline": PLAIN, "wrong": ["no such model"] * 4, "good": [85.0, 85.4, 84.7, 85.2]}

    made = study(values, tmp_path)

    assert read(made)["wrong"] == (Verdict.FAILED, "failed: no such model")
    assert read(made)["good"][0] is Verdict.HELPS
    assert sorted(made.results["wrong"]) == [0, 1]
    assert conduct(made.plan, engine(lambda row, seed: 1.0), Ledger(tmp_path)).failures("wrong") == {}


def test_a_change_that_fails_at_some_seeds_is_not_judged_by_the_others(tmp_path: Path) -> None:
    """The runs that are left are no fair sample."""
    values = {"baseline": [80.0, 80.2], "shaky": [99.0, "the loss became NaN"]}

    verdict, words = read(study(values, tmp_path))["shaky"]

    assert verdict is Verdict.FAILED
    assert words == "failed at 1 of 2 seeds (1), so it is not judged: the loss became NaN"


def test_a_seed_that_reaches_nothing_is_said(tmp_path: Path) -> None:
    """Equal figures at every seed of every row are no spread of zero, where a script is asked to take the seed."""
    made = study({"baseline": [80.0] * 3, "a": [81.0] * 3}, tmp_path, seeded=False)

    assert read(made)["a"] == (
        Verdict.UNKNOWN, "every seed gave the same figures: does the seed reach the program?"
    )  # fmt: skip
    assert len(made.results["a"]) == 2


def test_the_cost_is_the_ratio_of_times(tmp_path: Path) -> None:
    """Paired by seed, as the values are."""
    made = study({"baseline": [1.0, 1.1], "slow": [1.0, 1.2]}, tmp_path)

    assert [1.0, 2.0] == [r.cost for r in rows_of(made)]


def test_ctrl_c_leaves_what_is_done(tmp_path: Path) -> None:
    """The table has the finished runs, and the rest is made by the next call."""

    def value(row: str, seed: int) -> float:
        if (row, seed) == ("b", 0):
            raise KeyboardInterrupt
        return 1.0

    made = conduct(plan(["a", "b"], 1), engine(value), Ledger(tmp_path))

    assert made.interrupted
    assert read(made)["b"] == (Verdict.UNKNOWN, "not run yet")
    assert made.values("a") == {0: 1.0}
    assert conduct(made.plan, engine(lambda row, seed: 1.0), Ledger(tmp_path)).taken == 2


def test_what_is_told_of_the_rounds(tmp_path: Path) -> None:
    """How many runs each has, and how many of them are there already."""
    told: list[tuple[int, int]] = []
    left: list[int] = []

    def done(_job: Job, _result: Result, waiting: int) -> None:
        left.append(waiting)

    listener = Listener(lambda new, taken: told.append((new, taken)), done)
    conduct(plan(["a"], 3), engine(lambda row, seed: seed % 2 + 0.1 * (row == "a") * seed), Ledger(tmp_path), listener)

    assert told == [(4, 0), (2, 0)]
    assert left == [3, 2, 1, 0, 1, 0]


@pytest.mark.parametrize("seeds", [3, 6])
def test_noise_is_taken_for_an_effect_as_rarely_as_promised(seeds: int) -> None:
    """Four changes that do nothing, looks in between: any claim at all in 6 % of ablations at most."""
    rng = np.random.default_rng(seeds)
    names, claims, families = ["a", "b", "c", "d"], 0, 400
    for _ in range(families):
        drawn = {n: list(rng.normal(80, 0.5, seeds)) for n in ["baseline", *names]}
        claims += any(v in {Verdict.HELPS, Verdict.HURTS} for v, _ in read(study(drawn, None)).values())

    assert claims / families <= 0.06 + 2 * (0.06 * 0.94 / families) ** 0.5


def test_a_real_effect_is_found() -> None:
    """One of three standard deviations, over five seeds, nearly always."""
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(60):
        seeds = rng.normal(0, 1.0, 5)  # what a seed does to both
        base, better = 80 + seeds + rng.normal(0, 0.3, 5), 82 + seeds + rng.normal(0, 0.3, 5)
        made = study({"baseline": list(base), "better": list(better)}, None)
        found += read(made)["better"][0] is Verdict.HELPS

    assert found >= 57


def test_the_bigger_model_that_added_little(tmp_path: Path) -> None:
    """82.0 alone, 84.1 with augmentation, 82.4 with a bigger model, 84.0 with both, one run each."""
    names = ["augmentation", "bigger model", "both"]
    both = {"both": {"augmentation", "bigger model"}}
    values = {"baseline": 82.0, "augmentation": 84.1, "bigger model": 82.4, "both": 84.0}

    made = conduct(plan(names, 1, parts=both), engine(lambda row, seed: values[row]), Ledger(tmp_path))

    assert combinations(made, SCALE) == [
        "augmentation: +2.1 alone, +1.6 on top of bigger model",
        "bigger model added little: +0.4 alone, -0.1 on top of augmentation",
    ]
    assert {v for v, _ in read(made).values()} == {Verdict.UNKNOWN}  # one run each shows no spread


def test_a_part_that_clearly_adds_is_not_called_little(tmp_path: Path) -> None:
    """Over several seeds, with the interval of what it adds on top."""
    values = {
        "baseline": [80.0, 80.2, 79.9],
        "a": [84.0, 84.3, 83.9],
        "b": [81.0, 81.2, 80.8],
        "both": [85.0, 85.2, 84.9],
    }
    made = conduct(
        plan(["a", "b", "both"], 3, parts={"both": {"a", "b"}}), engine(lambda row, seed: values[row][seed]),
        Ledger(tmp_path),
    )  # fmt: skip

    told = combinations(made, SCALE)

    assert len(told) == 2
    assert not any("little" in words for words in told)


def test_within_noise_says_how_many_seeds_would_settle_it(tmp_path: Path) -> None:
    """The figures, the seeds, and more seeds than there are."""
    made = study({"baseline": [80.0, 80.0, 80.0], "a": [80.0, 80.4, 80.2]}, tmp_path)

    assert read(made)["a"] == (
        Verdict.WITHIN,
        "within noise: +0.20 ± 0.50 over 3 seeds; about 10 seeds would settle it",
    )


def test_lower_is_better_turns_the_verdict_round(tmp_path: Path) -> None:
    """A loss that rises hurts."""
    base = plan(["a"], 3)
    values = {"baseline": [0.5, 0.51, 0.49], "a": [0.7, 0.72, 0.69]}
    small = type(base)(**{**vars(base), "lower": True})

    made = conduct(small, engine(lambda row, seed: values[row][seed]), Ledger(tmp_path))

    assert read(made)["a"][0] is Verdict.HURTS
