"""Source files read and written in the encoding that they declare, line ends as they are."""

import tokenize
from pathlib import Path


def encoding_of(file: Path) -> str:
    """Return the encoding of a Python file, "utf-8-sig" where it begins with a byte order mark.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it declares an encoding that does not exist.
    """
    with file.open("rb") as stream:
        try:
            return tokenize.detect_encoding(stream.readline)[0]
        except SyntaxError as error:
            raise ValueError(str(error)) from None


def read_source(file: Path) -> str:
    """Return a Python file's text.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not in the encoding that it declares, UTF-8 if none.
    """
    with file.open(encoding=encoding_of(file), newline="") as stream:
        return stream.read()
