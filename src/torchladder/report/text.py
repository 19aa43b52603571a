"""Words and figures for people: control characters made visible, numbers at a sensible precision.

Everything that came from the user passes through ``clean`` before it reaches a terminal.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from torchladder.core.findings import Measurement

# C0 and C1 controls, line and paragraph separators, marks that reorder or hide text, lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

SIGNIFICANT = 4
FEW_ITEMS = 8
SMALL, LARGE = 1e-4, 1e7


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


def clean(text: str) -> str:
    """Return ``text`` on one line, its control characters written out so that a terminal ignores them."""
    text = text.replace("\r\n", " ").replace("\n", " ").replace("\t", "    ")
    return _UNSAFE.sub(_visible, text)


def clean_lines(text: str) -> list[str]:
    """Return the lines of ``text``, each cleaned."""
    return [clean(line) for line in text.replace("\r\n", "\n").split("\n")]


def number(value: float) -> str:
    """Return a number with four significant digits, thousands grouped, very small and large ones as powers."""
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite" if value > 0 else "-infinite"
    if value == 0:
        return "0"
    if not SMALL <= abs(value) < LARGE:
        return f"{value:.2e}"
    digits = max(0, SIGNIFICANT - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure(value: Any) -> str:
    """Return any JSON value as a reader would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "not known"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, str):
        return {"nan": "NaN", "inf": "infinite", "-inf": "-infinite"}.get(value, clean(value))
    if isinstance(value, dict):
        return ", ".join(f"{clean(str(k))}: {figure(v)}" for k, v in value.items())
    if isinstance(value, Sequence):
        items = [figure(v) for v in value[:FEW_ITEMS]] + (["..."] if len(value) > FEW_ITEMS else [])
        return f"[{', '.join(items)}]"
    return clean(str(value))


def amount(value: Any, unit: str | None) -> str:
    """Return a value with its unit; a fraction is shown as a percentage when its unit says so."""
    return f"{figure(value)} {clean(unit)}" if unit else figure(value)


def measured(one: Measurement) -> str:
    """Return a measurement as words: what, how much, what was expected, when."""
    text = clean(one.what)
    if one.value is not None:
        text = f"{text}: {amount(one.value, one.unit)}"
    if one.step is not None:
        text = f"{text} at step {one.step:,}"
    if one.expected is not None:
        text = f"{text}; expected {figure(one.expected)}"
    return text


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def numbers_as_ranges(numbers: Sequence[int]) -> str:
    """Return [3, 4, 5, 7] as "3-5, 7"."""
    runs: list[list[int]] = []
    for n in sorted(set(numbers)):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)
