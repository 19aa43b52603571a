"""The gains of stages whose gains are known."""

from pathlib import Path

import numpy as np
import pytest

from torchladder.ceiling.declaration import Pipeline, Stage, read
from torchladder.ceiling.measure import study

N = 600
WRONG = {"find": 0.30, "cut": 0.05, "name": 0.15}


def chain(items: int = N, *, without: tuple[str, ...] = ()) -> Pipeline:
    """Return three stages that pass a number on and are each wrong on a known share of the items, seldom together."""
    rng = np.random.default_rng(0)
    failing = {name: rng.random(items) < share for name, share in WRONG.items()}

    def stage(name):
        def call(value):
            number, wrong = value
            return number, wrong or bool(failing[name][number])

        return call

    def truths(i):
        return {name: (i, False) for name in WRONG if name not in without}

    names = list(WRONG)
    return Pipeline(
        tuple(Stage(n, stage(n), ((None, names[k - 1] if k else "input"),)) for k, n in enumerate(names)),
        tuple({"input": (i, False), **truths(i)} for i in range(items)),
        "score",
        lambda output, item: not output[1],
    )


def shares() -> dict[str, float]:
    """Return the gain of each stage by counting: items that it alone spoils once all before it are right."""
    rng = np.random.default_rng(0)
    wrong = [rng.random(N) < share for share in WRONG.values()]
    left = [np.any(wrong[k:], axis=0).mean() if k < len(wrong) else 0.0 for k in range(len(wrong) + 1)]
    return {name: left[k] - left[k + 1] for k, name in enumerate(WRONG)}


def test_three_stages_with_known_gains_are_ranked_right() -> None:
    """Each gain is the counted one, its interval holds it, and the order is that of the gains."""
    found = study(chain())

    assert found.ranking == ["find", "name", "cut"]
    for name, share in shares().items():
        gain = found.stage(name).ordered
        assert gain.gain == pytest.approx(share)
        assert gain.low < share < gain.high
    assert found.first > 0.9
    assert found.whole.after == 1.0


def test_the_gains_in_order_add_up_to_the_whole() -> None:
    """Nothing is counted twice."""
    found = study(chain())
    assert sum(s.ordered.gain for s in found.stages) == pytest.approx(found.whole.gain)


def test_the_interval_is_that_of_the_paired_differences() -> None:
    """It is as wide as the standard error of the mean difference says, not as that of two separate means."""
    found = study(chain())
    gain = found.stage("name").ordered
    share = gain.gain
    error = (share * (1 - share) / N) ** 0.5  # differences are 0 or 1

    assert gain.high - gain.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_no_stage_runs_more_often_than_it_must() -> None:
    """The first runs once an item; the last once for each different set of truths before it."""
    found = study(chain(40))
    calls = {s.name: s.calls for s in found.stages}

    assert calls["find"] == 40
    assert calls["cut"] == 80
    assert calls["name"] == 40 * 3  # as it is, find right, cut right


def test_a_stage_without_truths_is_left_as_it_is() -> None:
    """The others are ranked; it is named as one that nothing can be said of."""
    found = study(chain(without=("cut",)))

    assert found.ranking == ["find", "name"]
    assert found.stage("cut").alone is None
    assert found.stage("cut").truths == 0


def test_truths_of_some_items_are_compared_on_those_items() -> None:
    """Before and after are over the same items, whose number is told."""
    whole = chain()
    items = tuple({k: v for k, v in item.items() if k != "find" or i < 100} for i, item in enumerate(whole.items))
    found = study(Pipeline(whole.stages, items, whole.end, whole.judge))
    few = study(Pipeline(whole.stages, items[:100], whole.end, whole.judge))
    gain = found.stage("find").ordered

    assert gain.items == 100
    assert (gain.before, gain.after) == (few.stage("find").ordered.before, few.stage("find").ordered.after)
    assert found.stage("name").alone.items == N
    assert found.whole.items == 100


def test_an_error_that_falls_is_a_gain() -> None:
    """Better is positive, whichever way the figure goes."""
    made = chain()
    found = study(Pipeline(made.stages, made.items, "error", lambda output, item: float(output[1]), falls=True))

    assert found.stage("find").ordered.gain == pytest.approx(shares()["find"])
    assert found.stage("find").ordered.after < found.stage("find").ordered.before


def test_a_metric_of_all_items_gives_the_same_as_the_mean_of_scores() -> None:
    """The slow way of redrawing agrees with the fast one."""
    made = chain(80)
    fast = study(made)
    slow = study(
        Pipeline(made.stages, made.items, "metric", lambda outputs, items: np.mean([not o[1] for o in outputs]))
    )

    for name in WRONG:
        a, b = fast.stage(name).ordered, slow.stage(name).ordered
        assert a.gain == pytest.approx(b.gain)
        assert a.low == pytest.approx(b.low, abs=0.03)
        assert a.high == pytest.approx(b.high, abs=0.03)


def test_a_metric_that_some_draws_do_not_have_is_redrawn_without_them() -> None:
    """A figure that needs both classes is none on a draw of one class; the interval comes from the others."""
    made = chain(12)

    def metric(outputs, items):
        if len({i["input"][0] for i in items} & {0, 1}) < 2:
            raise ValueError("one class")
        return np.mean([not o[1] for o in outputs])

    found = study(Pipeline(made.stages, made.items, "metric", metric))
    assert np.isfinite(found.stage("find").ordered.low)


def test_items_of_a_group_are_redrawn_together() -> None:
    """Twenty copies of an item are no twenty items: the interval is that of the items themselves."""
    made = chain(60)
    copies = tuple({**item, "group": i} for i, item in enumerate(made.items) for _ in range(20))
    one, many = study(made), study(Pipeline(made.stages, copies, made.end, made.judge))
    gains = [found.stage("find").ordered for found in (one, many)]

    assert (one.groups, many.groups) == (None, 60)
    assert gains[0].gain == pytest.approx(gains[1].gain)
    assert gains[0].high - gains[0].low == pytest.approx(gains[1].high - gains[1].low, rel=0.1)


def test_a_stage_that_draws_random_numbers_gives_no_gain_by_chance(tmp_path: Path) -> None:
    """It draws the same for an item whatever was swapped before it."""
    (tmp_path / "p.py").write_text(
        "import random\n"
        "STAGES = {'a': lambda x: x, 'b': lambda x: x + random.random(), 'c': lambda x: x}\n"
        "ITEMS = [{'input': i, 'a': i} for i in range(50)]\n"
        "def score(output, item): return output\n"
    )
    assert study(read(tmp_path / "p.py")).stage("a").ordered.gain == 0.0


def test_a_stage_that_writes_into_its_argument_spoils_nothing(tmp_path: Path) -> None:
    """Truths and earlier results are copied before they are handed out."""
    (tmp_path / "p.py").write_text(
        "def a(x): return [x]\n"
        "def b(x):\n    x[0] += 1\n    return x\n"
        "STAGES = {'a': a, 'b': b}\n"
        "ITEMS = [{'input': i, 'a': [i], 'b': [i + 1]} for i in range(9)]\n"
        "def score(output, item): return output == item['b']\n"
    )
    found = study(read(tmp_path / "p.py"))
    assert [s.ordered.gain for s in found.stages] == [0.0, 0.0]


def test_a_stage_takes_the_results_that_its_parameters_name(tmp_path: Path) -> None:
    """Where a later stage uses the one before the last, right answers alone are not those of all up to there."""
    (tmp_path / "p.py").write_text(
        "def find(input): return input % 2\n"
        "def size(input): return 0\n"
        "def word(input, find, size, sep='-'): return f'{find}{sep}{size}'\n"
        "STAGES = {'find': find, 'size': size, 'word': word}\n"
        "ITEMS = [{'input': i, 'find': 1, 'size': 1} for i in range(60)]\n"
        "def score(output, item): return output == '1-1'\n"
    )
    found = study(read(tmp_path / "p.py"))

    assert found.stage("size").beside
    assert not found.stage("find").beside
    assert found.stage("size").alone.gain == 0.5
    assert found.stage("size").ordered.gain == 1.0
