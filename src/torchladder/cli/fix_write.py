"""The files that a diff changes: read, checked and written so that a refusal leaves all as they were."""

import os
import subprocess
from pathlib import Path

from torchladder.core.errors import UsageError
from torchladder.report import patch
from torchladder.report.text import clean

WRITABLE = 0o222
PATIENCE_S = 10.0


def new_texts(diff: str) -> dict[Path, str]:
    """Return what each changed file will hold.

    Raises:
        UsageError: If a file is missing, has changed, is no UTF-8, or lies outside the working folder.
    """
    texts: dict[Path, str] = {}
    here = Path.cwd().resolve()
    try:
        for one in patch.parse(diff):
            file = (here / one.path).resolve()
            if not file.is_relative_to(here):
                msg = f"{clean(one.path)} lies outside the working folder; only files inside it are changed"
                raise UsageError(msg)
            texts[file] = patch.apply(one, _read(file, clean(one.path)))
    except patch.PatchError as error:
        msg = f"nothing was changed: {clean(str(error))}; climb again for a new diff"
        raise UsageError(msg) from None
    return texts


def _read(file: Path, name: str) -> str:
    """Return a file's text, its line ends as they are."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        msg = f"nothing was changed: there is no {name} here; run fix in the folder in which the program was climbed"
    except UnicodeDecodeError:
        msg = f"nothing was changed: {name} is not UTF-8; make the change by hand, --diff shows it"
    except OSError as error:
        msg = f"nothing was changed: {name} cannot be read ({error.strerror})"
    raise UsageError(msg)


def check(files: list[Path], *, force: bool) -> None:
    """Make sure that the files may be changed, and that what they hold now can be had back.

    Raises:
        UsageError: If one is read-only; without ``force``, if it differs from its last commit or a copy is in the way.
    """
    for file in files:
        if not file.stat().st_mode & WRITABLE or not os.access(file, os.W_OK):
            msg = f"nothing was changed: {file.name} is read-only; chmod u+w it first"
            raise UsageError(msg)
        if not os.access(file.parent, os.W_OK):
            msg = f"nothing was changed: the folder of {file.name} is read-only"
            raise UsageError(msg)
        if force:
            continue
        if copy_of(file).exists():
            msg = f"nothing was changed: {copy_of(file).name} exists; --force replaces it"
            raise UsageError(msg)
        if uncommitted(file):
            msg = f"nothing was changed: {file.name} has changes that are not committed; commit them, or pass --force"
            raise UsageError(msg)


def copy_of(file: Path) -> Path:
    """Return where the old text of a file is kept."""
    return file.with_name(file.name + ".orig")


def uncommitted(file: Path) -> bool:
    """Tell whether git knows a file and it differs from the last commit; False without git."""
    # What a repository's settings name is not run, and no lock is taken.
    words = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "status", "--porcelain"]
    try:
        done = subprocess.run(
            [*words, "--untracked-files=no", "--", file.name],
            cwd=file.parent,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and bool(done.stdout.strip())


def write(texts: dict[Path, str], *, force: bool) -> None:
    """Write the new texts, keeping each old one beside it.

    Raises:
        UsageError: If a file may not be changed; then none was.
    """
    check(list(texts), force=force)
    for file, text in texts.items():
        draft = file.with_name(f".{file.name}.tmp")
        try:
            copy_of(file).write_bytes(file.read_bytes())
            with draft.open("w", encoding="utf-8", newline="") as stream:
                stream.write(text)
            draft.chmod(file.stat().st_mode)
            draft.replace(file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            msg = f"{file.name} was not changed: {error.strerror}"
            raise UsageError(msg) from None
