"""``torchladder fix RECORD``: the diff of the cause, shown or applied."""

import argparse
import sys
from pathlib import Path

from torchladder.cli.main import Parser
from torchladder.core.errors import UsageError
from torchladder.core.findings import Fix, Trust
from torchladder.core.report import Report
from torchladder.report import json as report_json
from torchladder.report import patch
from torchladder.report.text import clean, clean_lines


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``fix``."""
    made = Parser(prog="torchladder fix", description="Print or apply the fix of the root cause that a record holds.")
    made.add_argument(
        "record", type=Path, metavar="RECORD", help="a folder under .torchladder/, or a report's JSON file"
    )
    how = made.add_mutually_exclusive_group()
    how.add_argument("--diff", action="store_true", help="print the diff (the default)")
    how.add_argument("--write", action="store_true", help="apply it; each changed file is kept as FILE.orig")
    made.add_argument(
        "--likely", action="store_true", help="let --write apply a fix that is neither exact nor verified"
    )
    made.add_argument("--force", action="store_true", help="let --write replace an earlier FILE.orig")
    return made


def sure(fix: Fix) -> bool:
    """Return whether a fix may be applied without further asking."""
    return fix.verified is True or (fix.trust is Trust.EXACT and fix.verified is None)


def chosen(report: Report) -> Fix:
    """Return the fix to show: one that is exact or verified before any other.

    Raises:
        UsageError: If the record holds no diff.
    """
    if report.cause is None:
        msg = "the record names no cause, so there is nothing to fix"
        raise UsageError(msg)
    fixes = [fix for fix in report.cause.fixes if fix.diff]
    if not fixes:
        code = report.cause.code
        titles = "; ".join(clean(fix.title) for fix in report.cause.fixes) or "none is known"
        msg = f"the fix of {code} is not written as a diff ({titles}); try: torchladder explain {code}"
        raise UsageError(msg)
    return min(fixes, key=lambda fix: (fix.verified is not True, not sure(fix)))


def new_texts(diff: str) -> dict[Path, str]:
    """Return what each changed file will hold.

    Raises:
        UsageError: If a file is missing, has changed, or lies outside the working folder.
    """
    texts: dict[Path, str] = {}
    here = Path.cwd().resolve()
    try:
        for one in patch.parse(diff):
            file = (here / one.path).resolve()
            if not file.is_relative_to(here):
                msg = f"{clean(one.path)} lies outside the working folder; only files inside it are changed"
                raise UsageError(msg)
            with file.open(encoding="utf-8", newline="") as stream:
                texts[file] = patch.apply(one, stream.read())
    except patch.PatchError as error:
        msg = f"nothing was changed: {error}"
        raise UsageError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"nothing was changed: {error}"
        raise UsageError(msg) from None
    return texts


def write(texts: dict[Path, str], *, force: bool) -> None:
    """Write the new texts, keeping each old one beside it.

    Raises:
        UsageError: If an earlier copy is in the way.
    """
    copies = {file: file.with_name(file.name + ".orig") for file in texts}
    for copy in copies.values():
        if copy.exists() and not force:
            msg = f"nothing was changed: {copy.name} exists; --force replaces it"
            raise UsageError(msg)
    for file, text in texts.items():
        copies[file].write_bytes(file.read_bytes())
        draft = file.with_name(f".{file.name}.tmp")
        with draft.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        draft.chmod(file.stat().st_mode)
        draft.replace(file)


def run(options: argparse.Namespace) -> int:
    """Print or apply the diff."""
    report = report_json.load(options.record)
    fix = chosen(report)
    if not options.write:
        safe = sys.stdout.isatty()
        text = "\n".join(clean_lines(fix.diff or "")) if safe else fix.diff or ""
        sys.stdout.write(text.rstrip("\n") + "\n")
        return 0
    if not sure(fix) and not options.likely:
        msg = "this fix is neither exact nor verified; read it with --diff, then --write --likely applies it"
        raise UsageError(msg)
    texts = new_texts(fix.diff or "")
    write(texts, force=options.force)
    names = ", ".join(file.name for file in texts)
    print(f"Applied: {clean(fix.title)} ({names}; the old text is kept as .orig).")
    print(f"Next: torchladder climb {clean(report.script)}")
    return 0
