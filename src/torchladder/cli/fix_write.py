"""The files that a diff changes: read, checked and written so that a refusal leaves all as they were."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from torchladder.core.encoded import encoding_of, read_source
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
        return read_source(file)
    except FileNotFoundError:
        msg = f"nothing was changed: there is no {name} here; run fix in the folder in which the program was climbed"
    except ValueError:
        msg = f"nothing was changed: {name} is not in the encoding that it declares (UTF-8 where it says none)"
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
    """Write the new texts, keeping each old one beside it: all of them, or none.

    Raises:
        UsageError: If a file may not be changed; then none was.
    """
    check(list(texts), force=force)
    drafts: dict[Path, Path] = {}
    try:
        for file, text in texts.items():
            drafts[file] = file.with_name(f".{file.name}.{os.getpid()}.tmp")
            _draft(drafts[file], file, text)
        for file in texts:
            shutil.copy2(file, copy_of(file))
    except (OSError, UnicodeEncodeError) as error:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        why = error.strerror if isinstance(error, OSError) else "its encoding lacks a character of the new text"
        msg = f"nothing was changed: {next(reversed(drafts)).name} could not be written ({why})"
        raise UsageError(msg) from None
    for file, draft in drafts.items():
        draft.replace(file)  # a name in one folder, which either changes or does not


def _draft(draft: Path, file: Path, text: str) -> None:
    """Write a file's new text beside it, on the disk for good, with the mode and the owner of the old one."""
    with draft.open("w", encoding=encoding_of(file), newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    held = file.stat()
    draft.chmod(held.st_mode)
    with contextlib.suppress(OSError):  # only root may give files away
        os.chown(draft, held.st_uid, held.st_gid)
