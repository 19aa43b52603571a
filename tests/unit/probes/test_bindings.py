"""Lines read off a program's source."""

from pathlib import Path

import pytest
from torch.utils.data import DataLoader

from torchladder.core.findings import Place
from torchladder.probes.bindings import given_to, shifting_line
from torchladder.runner.place import set_root

PROGRAM = """x = load()
x = scale(x)
y = 3
out = model(x)
for x2 in parts:
    out = model(x2)


def train(data):
    inputs = data[0]
    return model(inputs)
"""
DATA = """class Text:
    def __len__(self):
        return 4

    def __getitem__(self, i):
        chunk = list(range(10))
        return chunk[:-1], chunk[{begin}:]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that is the user's."""
    set_root(str(tmp_path))
    return tmp_path


def test_the_last_value_of_a_name_is_found(folder: Path) -> None:
    """In the file or the function; what a loop brings has no line of its own."""
    Path(folder, "bound.py").write_text(PROGRAM)

    assert given_to(Place("bound.py", 4)) == Place("bound.py", 2)
    assert given_to(Place("bound.py", 6)) is None
    assert given_to(Place("bound.py", 11)) == Place("bound.py", 10)
    assert given_to(None) is None


@pytest.mark.parametrize(("begin", "line"), [("1", 7), ("i + 1", 7), ("0", None), ("2", None)])
def test_a_slice_one_place_later_is_found(folder: Path, begin: str, line: int | None) -> None:
    """In the data set of a loader."""
    file = Path(folder, f"data_{line}_{len(begin)}.py")
    file.write_text(DATA.replace("{begin}", begin))
    names: dict[str, type] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    found = shifting_line(DataLoader(names["Text"]()))

    assert (found.line if found else None) == line
