"""Odd pictures: blank, of another shape or mode, huge."""

import dataclasses

import numpy as np

from tests.inspection.sources import Memory, folded, pictures
from torchladder.core.duplicate_facts import PicturesFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity
from torchladder.inspection.pictures import Pictures
from torchladder.rules.data.odd_samples import odd_samples
from torchladder.sets.block import Block, Fault, Kind


def grain(n: int, shape: tuple[int, ...] = (20, 20, 3)) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 255, (n, *shape)).astype(np.uint8))


def odd(source: Memory) -> dict[str, tuple[int, tuple[str, ...]]]:
    (row,) = folded(Pictures(), source)["pictures"]
    return {o.way: (o.count, o.examples) for o in row.odd}


def test_ordinary_pictures_are_not_odd() -> None:
    """Noise of one size and mode."""
    assert odd(pictures(grain(200))) == {}


def test_blank_and_dark_pictures_are_named() -> None:
    """One value throughout is blank, grain near black is dark."""
    x = grain(200)
    x[3][:] = 77
    x[150] //= 64

    assert odd(pictures(x)) == {"blank": (1, ("a3",)), "dark": (1, ("a150",))}


def test_white_on_black_and_ink_on_paper_are_not_odd() -> None:
    """Most of a digit is black."""
    x = grain(100)
    for picture in x:
        picture[:] = 0
        picture[8:12, 9:11] = 255

    assert odd(pictures(x)) == {}
    assert odd(pictures([255 - p for p in x])) == {}


def test_what_lies_beneath_transparency_is_not_looked_at() -> None:
    """A dark shape on a transparent ground is a drawing; nothing on a transparent ground is blank."""
    x = grain(50, (20, 20, 4))
    for picture in x:
        picture[..., :3] //= 64
        picture[:5, :, 3] = 0
    x[9][..., 3] = 0

    assert odd(pictures(x)) == {"blank": (1, ("a9",))}


def test_a_plain_colour_is_blank() -> None:
    """Channels differ, pixels do not."""
    x = grain(50)
    x[4][:] = (255, 0, 0)

    assert odd(pictures(x)) == {"blank": (1, ("a4",))}


def test_another_size_or_mode_than_nearly_all_is_odd() -> None:
    """Two of two hundred."""
    x = grain(200)
    x[5] = grain(1, (24, 20, 3))[0]
    x[120] = grain(1, (20, 20, 4))[0]

    assert odd(pictures(x)) == {"shape": (1, ("a5 (20 x 24)",)), "mode": (1, ("a120 (4 channels)",))}


def test_sizes_that_all_differ_are_not_odd_but_an_icon_among_them_is() -> None:
    """Photographs come in any size; one of eight pixels across is far from all."""
    rng = np.random.default_rng(1)
    x = [rng.integers(0, 255, (*rng.integers(150, 400, 2), 3)).astype(np.uint8) for _ in range(100)]
    assert odd(pictures(x)) == {}

    x[7] = grain(1, (8, 8, 3))[0]
    assert odd(pictures(x)) == {"size": (1, ("a7 (8 x 8)",))}


def test_what_was_too_large_to_decode_is_huge() -> None:
    """The reader gives a fault; the picture is named nevertheless."""
    fold = Pictures()
    fault = Fault("x.png", "too-large", "30,000 x 20,000 pixels, 600 megapixels; not decoded")
    block = Block(0, 1, Kind.IMAGES, np.zeros(0, dtype=np.int64), (), faults=(fault,))

    source = pictures(grain(10))
    whole = fold.join(fold.add(fold.begin(), block), fold.begin())
    (row,) = fold.facts([dataclasses.replace(_side(source))], [whole])["pictures"]

    assert [(o.way, o.count) for o in row.odd] == [("huge", 1)]
    (found,) = odd_samples.judge(Facts(pictures=(row,))) or []
    assert found.severity is Severity.WARNING


def _side(source: Memory):
    from torchladder.inspection.fold import Side

    return Side("train", source, 1, complete=True)


def test_tables_have_no_row() -> None:
    """Nothing to look at."""
    assert folded(Pictures(), Memory(Kind.TEXT, 5, lambda at: {"texts": ("x",) * (at.stop - at.start)})) == {
        "pictures": ()
    }
    assert odd_samples.judge(Facts(pictures=(PicturesFact(0, "train", 10),))) == []
