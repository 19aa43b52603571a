"""Writes the page: one file that needs no network, runs no script but its own, and escapes what came from the user."""

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from torchladder.core.report import Report
from torchladder.report import files
from torchladder.report.excerpt import Reader, read_source
from torchladder.webpage.view import view

HEAD = 2000  # bytes of a page in which its signature stands
SIGNATURE = '<meta name="generator" content="torchladder'


def render(report: Report, *, read: Reader = read_source, folder: Path | None = None, every: float = 0.0) -> str:
    """Return the page of a report.

    Args:
        report: What to show.
        read: Returns the lines of a source file, or None when it is not there.
        folder: Where the pictures lie that the report names; its own folder if not given.
        every: Seconds after which the page fetches itself anew; 0 for a page that stays as it is.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("torchladder.webpage", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"data": _data, "prose": _prose}
    styles = {name: _asset(name) for name in ("uplot.css", "page.css")}
    scripts = {name: _asset(name) for name in ("uplot.js", "page.js")}
    return made.get_template("page.html").render(
        view=view(report, read, folder),
        styles=styles.values(),
        scripts=scripts.values(),
        policy=_policy(styles.values(), scripts.values(), live=every > 0),
        every=every,
    )


def check_writable(path: Path, *, force: bool = False) -> None:
    """Make sure that a page may be written to ``path``: a new file, or an earlier page of ours.

    Raises:
        UsageError: If something else is there, or the folder does not exist.
    """
    is_one = files.head_holds(SIGNATURE, HEAD)
    files.check_writable(path, what="a page of torchladder", is_ours=is_one, force=force)


def write(report: Report, path: Path, *, force: bool = False, **options: Any) -> None:
    """Write the page of a report in one piece; ``options`` are those of ``render``.

    Raises:
        UsageError: If it cannot be written, or something else is there and ``force`` is not given.
    """
    check_writable(path, force=force)
    files.write_text(path, render(report, **options))


@cache
def _asset(name: str) -> str:
    return (resources.files("torchladder.webpage") / "assets" / name).read_text(encoding="utf-8")


def _policy(styles: Any, scripts: Any, *, live: bool) -> str:
    """Return what a browser may do with the page: nothing from elsewhere, and no script or style but these."""

    def hashes(texts: Any) -> str:
        digests = (base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts)
        return " ".join(f"'sha256-{d}'" for d in digests)

    rules = ["default-src 'none'", "img-src data:", f"style-src {hashes(styles)}", f"script-src {hashes(scripts)}"]
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'", *(["connect-src 'self'"] if live else [])])


def _data(value: Any) -> Any:
    """Return JSON that may stand inside a script element."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # nothing in it can end the element


def _prose(text: str) -> Any:
    """Return words with what stands in backticks as code; everything is escaped first."""
    from markupsafe import Markup, escape

    parts = str(escape(text)).split("`")
    if len(parts) % 2 == 0:  # one without its partner
        return Markup("`".join(parts))
    return Markup("".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts)))
