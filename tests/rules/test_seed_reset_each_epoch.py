"""Seed reset each epoch: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.loop_facts import EpochStartFact, SeedFact
from torchladder.rules.loop.seed_reset_each_epoch import seed_reset_each_epoch as rule_

AT, SEED = Place("t.py", 9), Place("t.py", 5)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(start=None, seed=None):
    starts = (
        EpochStartFact(
            AT, Place("t.py", 3), **{"passes": 5, "identical": 5, "batches": 2, "n_batches": 20, **(start or {})}
        ),
    )
    seeds = (SeedFact("torch", SEED, **{"calls": 6, "values": 1, "renewed": 5, **(seed or {})}),)
    return rule_.judge(Facts(seeds=seeds if seed is not None else (), epoch_starts=starts if start is not None else ()))


def test_the_seed_in_the_loop_is_found():
    """At the line that sets it."""
    (found,) = judge(start={}, seed={})

    assert found.where == (SEED,)
    assert found.fixes[0].change.kind == "keep_seed"


def test_a_loader_made_anew_with_a_seeded_generator_is_found():
    """No global seed is set: the line that makes the loader is named."""
    (found,) = judge(start={})

    assert found.where[0] == Place("t.py", 3)


def test_a_program_without_a_loader_is_judged_by_its_inputs():
    """The same inputs after each call, although an order was drawn."""
    assert judge(seed={"same_start": 4, "drawn": 5, "variety": 12})


def test_silent_on_look_alikes():
    """Other batches, hardly any batch, other seeds, nothing drawn, full batches."""
    assert judge(start={"identical": 0}, seed={}) == []
    assert judge(start={"n_batches": 1}) == []
    assert judge(seed={"same_start": 4, "drawn": 5, "variety": 12, "values": 6}) == []
    assert judge(seed={"same_start": 4, "drawn": 0, "variety": 12}) == []
    assert judge(seed={"same_start": 4, "drawn": 5, "variety": 1}) == []
