"""Tables of text: however they are written, the same rows come out, and what is wrong is named."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.sets.open import open_sides
from torchladder.sets.source import Columns, Source

ROWS = [("a", 1.5, "x"), ("b", 2.5, "y"), ("c", -3.0, "x"), ("d", 4.0, "y")]


def only(path: Path, **named: str) -> Source:
    return open_sides([str(path)], Columns(**named))[0][1]


def everything(source: Source, size: int = 1000):
    return [b for start, stop in source.shards(size) for b in source.blocks(start, stop)]


def written(path: Path, sign: str = ",", header: bool = True, encoding: str = "utf-8", end: str = "\n") -> Path:
    lines = ([sign.join(("name", "size", "label"))] if header else []) + [sign.join(map(str, r)) for r in ROWS]
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


@pytest.mark.parametrize("sign", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_dialect_is_found(tmp_path: Path, sign: str, encoding: str, end: str) -> None:
    """Delimiter, encoding and line ends change nothing."""
    (block,) = everything(only(written(tmp_path / "t.csv", sign, encoding=encoding, end=end)))

    assert block.columns["size"].tolist() == [1.5, 2.5, -3.0, 4.0]
    assert block.columns["name"].tolist() == ["a", "b", "c", "d"]
    assert block.labels.tolist() == ["x", "y", "x", "y"]


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    """The first row is a row, and it is told."""
    source = only(written(tmp_path / "t.csv", header=False))
    (block,) = everything(source)

    assert list(block.columns) == ["column 1", "column 2", "column 3"]
    assert len(block) == 4
    assert any("no header" in words for words in source.told)


def test_a_packed_file_is_read_in_order(tmp_path: Path) -> None:
    """Gzip cannot be jumped about in: one range, the same rows."""
    plain = written(tmp_path / "t.csv")
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    source = only(packed)

    assert source.rows is None
    assert len(source.shards(2)) == 1
    assert everything(source)[0].columns["size"].tolist() == everything(only(plain))[0].columns["size"].tolist()


def test_ragged_rows_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    """Too few and too many fields: counted, never fatal."""
    path = tmp_path / "t.csv"
    path.write_text("a,b,label\n1,2,x\n1,x\n3,4,y\n5,6,7,z\n8,9,x\n")
    (block,) = everything(only(path))

    assert block.columns["a"].tolist() == [1, 3, 8]
    assert block.places.tolist() == [0, 2, 4]
    assert [(f.name, f.kind) for f in block.faults] == [("row 2", "ragged"), ("row 4", "ragged")]
    assert "2 fields where 3 are due" in block.faults[0].words


def test_words_among_numbers_are_missing_values_with_a_name(tmp_path: Path) -> None:
    """A column of numbers stays one."""
    path = tmp_path / "t.csv"
    path.write_text("a,label\n" + "".join(f"{i},x\n" for i in range(60)) + "oops,y\n")
    (block,) = everything(only(path))

    assert block.columns["a"].dtype.kind == "f"
    assert np.isnan(block.columns["a"][60])
    assert [(f.name, f.kind) for f in block.faults] == [("row 61", "mixed")]


def test_missing_values_are_none_or_nan_and_no_fault(tmp_path: Path) -> None:
    """NA, empty and null are one thing."""
    path = tmp_path / "t.csv"
    path.write_text("a,b,label\n1,NA,x\n,cat,y\nnull,,x\n4,dog,\n")
    (block,) = everything(only(path))

    assert np.isnan(block.columns["a"]).tolist() == [False, True, True, False]
    assert block.columns["b"].tolist() == [None, "cat", None, "dog"]
    assert block.labels.tolist() == ["x", "y", "x", None]
    assert not block.faults


def test_line_breaks_and_signs_within_quotes_belong_to_the_field(tmp_path: Path) -> None:
    """A quoted field may hold anything."""
    path = tmp_path / "t.csv"
    path.write_text('note,label\n"one, ""two""\nthree",x\n"four",y\n' * 1 + '"5",x\n')
    (block,) = everything(only(path))

    assert block.columns["note"].tolist() == ['one, "two"\nthree', "four", "5"]


def test_a_lone_quote_is_a_character(tmp_path: Path) -> None:
    """As in mails and messages: the file does not end inside a field of ten thousand lines."""
    path = tmp_path / "t.tsv"
    path.write_text("label\tsize\tmessage\n" + "".join(f"ham\t{i}\t\"{i} it's\n" for i in range(301)))
    source = only(path)

    assert source.rows == 301
    assert sum(len(b) for b in everything(source)) == 301


def test_any_range_gives_the_rows_of_the_whole(tmp_path: Path) -> None:
    """Shards and odd ranges: the same rows at the same places."""
    path = tmp_path / "t.csv"
    path.write_text("a,b,label\n" + "".join(f'{i},"w{i}\n",{i % 3}\n' for i in range(20_000)))
    source = only(path)
    whole = np.concatenate([b.columns["a"] for b in everything(source, 100_000)])
    parts = np.concatenate([b.columns["a"] for b in everything(source, 1)])
    odd = list(source.blocks(7777, 12_345))

    assert len(source.shards(1)) > 2
    assert whole.tolist() == parts.tolist() == list(range(20_000))
    assert np.concatenate([b.places for b in odd]).tolist() == list(range(7777, 12_345))
    assert np.concatenate([b.columns["a"] for b in odd]).tolist() == list(range(7777, 12_345))


def test_columns_have_one_type_in_every_block(tmp_path: Path) -> None:
    """Whole numbers in one part and none in another are one column of numbers."""
    path = tmp_path / "t.csv"
    path.write_text("a,label\n" + "".join(f"{i},x\n" for i in range(300_000)) + "".join(",y\n" for _ in range(300_000)))
    kinds = {b.columns["a"].dtype for b in everything(only(path), 100_000)}

    assert kinds == {np.dtype(float)}


def test_what_the_user_names_is_taken_and_what_is_inferred_is_told(tmp_path: Path) -> None:
    """Roles by option, else by name."""
    path = tmp_path / "t.csv"
    path.write_text("patient,when,size,target\n" + "".join(f"p{i},2024-01-{i + 1:02},{i},{i % 2}\n" for i in range(20)))
    source = only(path, group="patient", time="when")
    (block,) = everything(source)

    assert source.columns.chosen == {"group": "user", "time": "user", "label": "inferred"}
    assert list(block.columns) == ["size"]
    assert block.groups[0] == "p0"
    assert block.times[1] - block.times[0] == 86400
    assert block.labels.dtype.kind == "i"
    assert any("label is `target`" in words for words in source.told)


def test_a_column_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """The columns there are, the nearest first."""
    with pytest.raises(UsageError, match=r"no column 'lable'.*its columns are label"):
        only(written(tmp_path / "t.csv"), label="lable")


def test_a_column_of_sentences_is_text(tmp_path: Path) -> None:
    """Texts stand by themselves, labels beside them."""
    path = tmp_path / "t.csv"
    path.write_text(
        "v1,v2\n" + "".join(f"{'ham' if i % 2 else 'spam'},this is message number {i} of many\n" for i in range(50))
    )
    source = only(path, label="v1")
    (block,) = everything(source)

    assert source.kind is Kind.TEXT
    assert block.texts[3] == "this is message number 3 of many"
    assert block.labels.tolist()[:2] == ["spam", "ham"]


@pytest.mark.parametrize("content", [b"", b"a,b,label\n", b"\n\n\n", b"\x00\x01\x02\x00\x00"])
def test_what_is_no_table_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    """Empty, a header alone, blank lines, bytes."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        only(path)


def test_what_is_held_out_follows_training(tmp_path: Path) -> None:
    """The same columns mean the same; a file without labels is read without."""
    (tmp_path / "train.csv").write_text("a,kind\n" + "".join(f"{i},{i % 2}\n" for i in range(9)))
    (tmp_path / "val.csv").write_text("kind,a\n" + "".join(f"{i % 2},{i}\n" for i in range(9)))
    (tmp_path / "test.csv").write_text("a\n" + "".join(f"{i}\n" for i in range(9)))
    names = [str(tmp_path / f"{n}.csv") for n in ("train", "val", "test")]
    for sides in (open_sides(names, Columns(label="kind")), open_sides([str(tmp_path)], Columns(label="kind"))):
        by_name = {Path(s.name).stem: s for _, s in sides}

        assert [role for role, _ in sides] == ["train", "held-out", "held-out"]
        assert everything(by_name["val"])[0].labels.tolist() == [i % 2 for i in range(9)]
        assert everything(by_name["test"])[0].labels is None


@pytest.mark.parametrize(
    "text",
    [
        "a;b;label\n1,5;1.234,5;x\n-0,25;2,0;y\n",
        "a;b\n1,5;1.234,5\n-0,25;2,0\n",  # as many commas as semicolons
        'a,b,label\n"1,5","1.234,5",x\n"-0,25","2,0",y\n',
    ],
)
def test_decimal_commas_are_numbers(tmp_path: Path, text: str) -> None:
    """Points between thousands are left out, and it is told."""
    path = tmp_path / "t.csv"
    path.write_text(text)
    source = only(path)
    (block,) = everything(source)

    assert block.columns["a"].tolist() == [1.5, -0.25]
    assert block.columns["b"].tolist() == [1234.5, 2.0]
    assert source.told[0].endswith("decimal commas")


def test_a_comma_that_may_separate_thousands_is_no_decimal_comma(tmp_path: Path) -> None:
    """1,234 alone says nothing; and points stay points beside semicolons within a text."""
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1,234;x\n5,678;y\n")
    assert everything(only(path))[0].columns["a"].tolist() == ["1,234", "5,678"]

    path.write_text("a,b,label\n1.5,2,p;q\n2.5,3,q;r\n")
    (block,) = everything(only(path))
    assert block.columns["a"].tolist() == [1.5, 2.5]
    assert block.labels.tolist() == ["p;q", "q;r"]
