"""The code of a run: its commit and what it has over it, and the hashes of its source files, git or no git."""

import hashlib
import itertools
import os
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

DIFF_MAX = 1_000_000  # bytes of the diff that are kept
FILES_MAX, FILE_MAX, DEPTH_MAX = 2000, 1_000_000, 6  # sources that are hashed, the bytes of one, folders deep
ENTRIES_MAX = 5000  # of one folder that are looked at: one with more holds data
PATIENCE_S = 10.0  # for git, which may be on a slow network drive
SOURCES = {".py", ".pyx", ".cu", ".cpp", ".yaml", ".yml", ".toml"}
NOT_OURS = {"__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"}
LEFT_OUT = (":(exclude,glob)**/.env*", ":(exclude,glob)**/*.pem", ":(exclude,glob)**/*.key", ":(exclude,glob)**/.netrc")
# A repository can name programs for git to run; these are not run to read it.
QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=")


@dataclass(frozen=True, slots=True)
class CodeState:
    """What was run.

    Attributes:
        root: The repository, or the folder of the program.
        commit: None outside a repository, without git, and before the first commit.
        branch: None also where the head is detached.
        dirty: Whether anything under version control differs from the commit, or a source file is in none.
        sources: SHA-256 of each source file by its path below ``root``, the first 16 digits.
        sha256: Of all of them: two runs with the same one ran the same sources.
        notes: What could not be seen or kept, one sentence each.
    """

    root: str
    commit: str | None
    branch: str | None
    dirty: bool | None
    sources: dict[str, str]
    sha256: str
    notes: tuple[str, ...] = ()

    def only(self, loaded: Collection[str], *, configured: bool) -> "CodeState":
        """Return the state without the files that the program had not loaded.

        Args:
            loaded: What it had loaded; nothing if that is not known, and then every file stays.
            configured: Whether the configuration is recorded elsewhere, so that only what was loaded counts. Otherwise
                files that are not Python stay, since the program may have read them, and so does every file where
                none of what was loaded is among them.
        """
        wanted = {Path(path) for path in loaded}
        kept = {k: v for k, v in self.sources.items() if Path(self.root, k) in wanted}
        if not loaded or (not kept and not configured):
            return self
        if not configured:
            kept |= {k: v for k, v in self.sources.items() if not k.endswith(".py")}
        return replace(self, sources=kept, sha256=_whole(kept))


def code_state(folder: Path) -> tuple[CodeState, str]:
    """Return the state of the code in ``folder`` and what it has over its commit as a diff, "" if nothing."""
    notes: list[str] = []
    folder = folder.resolve()
    top = _git(folder, "rev-parse", "--show-toplevel", notes=notes)
    root = Path(top.strip()) if top else folder
    sources = dict(_hashed(root, folder, notes))
    whole = _whole(sources)
    if not top:
        return CodeState(str(root), None, None, None, sources, whole, tuple(notes)), ""
    commit = _git(root, "rev-parse", "--verify", "-q", "HEAD").strip() or None
    branch = _git(root, "symbolic-ref", "--short", "-q", "HEAD").strip() or None
    strangers = [n for n in _git(root, "ls-files", "-o", "-z", "--exclude-standard").split("\0") if n in sources]
    diff = _diff(root, commit, strangers)
    dirty = bool(diff)
    if len(diff) > DIFF_MAX:
        notes.append(f"the first {DIFF_MAX:,} of {len(diff):,} bytes of the diff are kept")
        diff = diff[:DIFF_MAX]
    text = diff.decode("utf-8", "surrogateescape")
    return CodeState(str(root), commit, branch, dirty, sources, whole, tuple(notes)), text


def _whole(sources: Mapping[str, str]) -> str:
    text = "".join(f"{name}\0{digest}\n" for name, digest in sorted(sources.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def diff_stat(root: Path, before: str, after: str) -> str | None:
    """Return what lies between two commits in git's words ("2 files changed, 5 insertions(+)"), None if unknown."""
    return _git(root, "diff", "--shortstat", "--no-ext-diff", before, after, "--").strip() or None


def _diff(root: Path, commit: str | None, strangers: list[str]) -> bytes:
    flags = ("--no-ext-diff", "--no-textconv", "--no-color")
    # Before the first commit everything is new; the tree of nothing stands for what there was.
    made = _git_bytes(root, "diff", *flags, commit or _git(root, "hash-object", "-t", "tree", "/dev/null").strip(),
                      "--", ".", *LEFT_OUT)  # fmt: skip
    for name in strangers:
        if len(made) > DIFF_MAX:
            break
        made += _git_bytes(root, "diff", *flags, "--no-index", "--", "/dev/null", name, allowed=(0, 1))
    return made


def _git(folder: Path, *words: str, notes: list[str] | None = None) -> str:
    return _git_bytes(folder, *words, notes=notes).decode("utf-8", "surrogateescape")


def _git_bytes(folder: Path, *words: str, notes: list[str] | None = None, allowed: tuple[int, ...] = (0,)) -> bytes:
    """Return what git answers; nothing, and a note, where it does not."""
    settings = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *QUIET, *words], cwd=folder, capture_output=True, timeout=PATIENCE_S, check=False,
            env={**os.environ, **settings}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        if notes is not None:
            notes.append("git is not installed, so the commit is not known")
        return b""
    except (OSError, subprocess.TimeoutExpired) as error:
        if notes is not None:
            notes.append(f"git could not be asked ({type(error).__name__})")
        return b""
    if done.returncode in allowed:
        return done.stdout
    told = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
    if notes is not None and "not a git repository" not in told:
        notes.append(f"git gave no answer ({told})")
    return b""


def _hashed(root: Path, folder: Path, notes: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the source files of the program with their hashes."""
    count = 0
    for path in _walk(folder, DEPTH_MAX):
        count += 1
        if count > FILES_MAX:
            notes.append(f"only the first {FILES_MAX:,} source files under {folder} are hashed")
            return
        try:
            data = path.read_bytes()
        except OSError:
            continue
        name = path.relative_to(root) if path.is_relative_to(root) else path
        yield name.as_posix(), _digest(data)


def changed_since(state: CodeState) -> list[str]:
    """Return the source files that are no longer what they were, or are gone."""
    found = []
    for name, digest in state.sources.items():
        try:
            same = _digest(Path(state.root, name).read_bytes()) == digest
        except OSError:
            same = False
        if not same:
            found.append(name)
    return found


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(itertools.islice(found, ENTRIES_MAX), key=lambda e: e.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in NOT_OURS:
            continue
        if entry.is_file(follow_symlinks=True):
            if Path(entry.name).suffix in SOURCES and entry.stat().st_size <= FILE_MAX:
                yield Path(entry.path)
        elif depth and entry.is_dir(follow_symlinks=False) and not Path(entry.path, "pyvenv.cfg").exists():
            yield from _walk(Path(entry.path), depth - 1)
