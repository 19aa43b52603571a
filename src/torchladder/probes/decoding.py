"""How the program itself turns numbers back into text: its tokenizer, or its table of characters."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TOKENIZERS = ("tokenizer", "tok", "processing_class", "enc", "encoder")
TABLES = ("itos", "id2word", "idx2word", "int_to_char", "idx_to_char", "ix_to_char")
LONGEST = 2000  # characters kept of a text

Decoder = Callable[[list[int]], str]


def decoder_of(*holders: Any) -> Decoder | None:
    """Return how to read numbers as text, from the first of some objects (or the program itself) that knows."""
    main = getattr(sys.modules.get("__main__"), "__dict__", {})
    for names in [*(_attributes(h) for h in holders), main]:
        for name in TOKENIZERS:
            decode = getattr(names.get(name), "decode", None)
            if callable(decode):
                return lambda ids, d=decode: str(d(ids))[:LONGEST]  # type: ignore[misc]
        for name in TABLES:
            table = names.get(name)
            if isinstance(table, Mapping | Sequence) and not isinstance(table, str) and len(table):
                return lambda ids, t=table: _looked_up(t, ids)  # type: ignore[misc]
    return None


def _attributes(holder: Any) -> Mapping[str, Any]:
    """Return what an object, or what it wraps, calls its own."""
    found: dict[str, Any] = {}
    for _ in range(3):
        found = {**vars(type(holder)), **getattr(holder, "__dict__", {}), **found}
        holder = getattr(holder, "dataset", None)
    return found


def _looked_up(table: Any, ids: list[int]) -> str:
    words = [str(table[i]) if (i in table if isinstance(table, Mapping) else 0 <= i < len(table)) else "?" for i in ids]
    return ("" if all(len(w) <= 1 for w in words) else " ").join(words)[:LONGEST]


def decoded(decoder: Decoder, rows: Any, most: int) -> list[str]:
    """Return the first rows of (N, T) numbers as text; those that cannot be read are left empty."""
    texts = []
    for row in rows[:most]:
        try:
            texts.append(decoder([int(i) for i in row]))
        except Exception:
            texts.append("")
    return texts
