"""Groups, times and scenes on both sides."""

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from tests.inspection.real import Memory, folded, loud, said
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.inspection.groups import Groups
from torchladder.inspection.scenes import Scenes, numbered
from torchladder.inspection.survey import Survey
from torchladder.inspection.times import Times, moment
from torchladder.sets.block import Block, Kind


def patients(n: int, seed: int) -> Memory:
    """Return rows of twenty patients, each at a place of their own; half of the patients have the illness."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(20, 6))
    who = rng.integers(0, 20, n)
    return Memory(centres[who] + 0.2 * rng.normal(size=(n, 6)), (who % 2), groups=who)


def cut(whole: Memory, rows: np.ndarray) -> Memory:
    """Return some rows."""
    return Memory(whole.x[rows], whole.labels[rows], groups=whole.groups[rows])


def test_groups_on_both_sides_are_found_with_what_they_are_worth() -> None:
    """A random split of twenty patients: known ones are recognised, new ones cannot be told."""
    sides = patients(600, 0), patients(200, 1)
    (found,) = said("TL110", folded(Groups(), sides), folded(Survey(), sides))

    assert found.severity is Severity.ERROR
    assert found.seen[0].value == 20
    assert found.seen[1].value > 0.95
    assert found.seen[1].expected < 0.7


def test_whole_groups_on_one_side_are_silent() -> None:
    """As they ought to be."""
    whole = patients(800, 0)
    sides = cut(whole, np.flatnonzero(whole.groups < 15)), cut(whole, np.flatnonzero(whole.groups >= 15))

    assert said("TL110", folded(Groups(), sides)) == []


def test_a_group_is_the_same_however_its_number_is_stored() -> None:
    """7 and 7.0, as a column with gaps has it; a gap is no group."""
    train, held = patients(100, 0), patients(50, 1)
    floats = held.groups.astype(float)
    floats[3] = np.nan
    facts = folded(Groups(), (train, dataclasses.replace(held, groups=floats)))["groupings"][0]

    assert facts.compared == facts.samples == 49


def test_without_a_group_the_line_says_so() -> None:
    """Unknown is not fine."""
    train = dataclasses.replace(patients(100, 0), groups=None)
    facts = folded(Groups(), (train, train))

    assert facts == {"groupings": ()}
    assert Groups().lines(Facts(**facts))[0].unknown


@pytest.mark.parametrize(
    ("train", "held", "said_of"),
    [
        (np.arange(100.0), np.arange(100.0, 150.0), 0),
        (np.arange(100.0), np.arange(0.5, 50.5), 1),
        (np.arange(100.0, 200.0), np.arange(50.0), 1),
        (np.array([2009.0, 2010.0]), np.array([2010.0, 2011.0]), 0),
    ],
    ids=["later", "mixed", "earlier", "one year on both sides"],
)
def test_time_runs_from_training_to_the_held_out_side(train: np.ndarray, held: np.ndarray, said_of: int) -> None:
    """Earlier held-out samples are a warning."""
    sides = [Memory(t.reshape(-1, 1), times=t) for t in (train, held)]
    found = said("TL111", folded(Times(), sides))

    assert len(found) == said_of
    assert [f.severity for f in found] == [Severity.WARNING] * said_of


def test_times_are_shown_as_they_are_read() -> None:
    """Dates where they are seconds, else numbers."""
    assert moment(1577836800.0) == "2020-01-01"
    assert moment(1577836860.0) == "2020-01-01 00:01"
    assert moment(1987.0) == "1987"


@dataclasses.dataclass(frozen=True)
class Frames(Memory):
    """Pictures with names."""

    names: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What the samples are."""
        return Kind.IMAGES

    def block(self, a: int, b: int) -> Block:
        """Read one block."""
        return Block(a, b, self.kind, np.arange(a, b), self.names[a:b], images=tuple(self.x[a:b]))


def film(scenes: int = 12, frames: int = 30) -> tuple[list[np.ndarray], list[str]]:
    """Return scenes: a window that wanders over a photograph, from a place of its own."""
    photo = load_sample_image("china.jpg")
    rng = np.random.default_rng(0)
    x, names = [], []
    for scene in range(scenes):
        top, left = rng.integers(0, 300), rng.integers(0, 500)
        for i in range(frames):
            x.append(photo[top + i // 3 : top + i // 3 + 64, left + i : left + i + 64])
            names.append(f"scene{scene}_{i:04d}.png")
    return x, names


def sides_of(x: list[np.ndarray], names: list[str], held: np.ndarray) -> list[Frames]:
    """Return both sides."""
    kept = [np.flatnonzero(~held), np.flatnonzero(held)]
    return [Frames([x[i] for i in rows], names=tuple(names[i] for i in rows)) for rows in kept]


def test_frames_of_one_scene_on_both_sides_are_found() -> None:
    """A random split of a film."""
    x, names = film()
    facts = folded(Scenes(), sides_of(x, names, np.random.default_rng(0).random(len(x)) < 0.25))
    (found,) = loud(said("TL110", facts, {"groupings": ()}))

    assert "look alike" in found.message
    assert facts["scenes"][0].alike > 0.9


def test_whole_scenes_on_one_side_are_silent() -> None:
    """No neighbours are torn apart."""
    x, names = film()
    facts = folded(Scenes(), sides_of(x, names, np.arange(len(x)) // 30 >= 9))

    assert said("TL110", facts, {"groupings": ()}) == []


def test_numbers_that_say_nothing_are_silent() -> None:
    """The same pictures, numbered at random."""
    x, _ = film()
    rng = np.random.default_rng(1)
    x = [x[i] for i in rng.permutation(len(x))]
    names = [f"picture_{i:05d}.png" for i in range(len(x))]
    facts = folded(Scenes(), sides_of(x, names, rng.random(len(x)) < 0.25))

    assert said("TL110", facts, {"groupings": ()}) == []
    assert facts["scenes"][0].alike < 0.2


def test_the_number_of_a_name() -> None:
    """The last one, within its folder."""
    assert numbered("train/cat/clip3_0017.png") == ("cat/clip3_|", 17)
    assert numbered("photo.png") is None
