"""A folder of checkpoints that a kill, a full disk or a rotten file never leaves without one that can be loaded.

A checkpoint is written beside the others under a temporary name, forced to the disk and renamed; only then does the
manifest, replaced in the same way, name it; only then is what it replaces removed. The manifest holds the SHA-256 of
each file. Of ``last`` the one before is kept too: a file that no longer is what was written is passed over for it.
Nothing but tensors and plain values is saved or loaded, so that loading runs no code.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, cast

import torch

from torchladder.checkpoints.atomic import DRAFTS, Replacement
from torchladder.checkpoints.manifest import Entry, Manifest
from torchladder.checkpoints.reading import Unreadable, read
from torchladder.checkpoints.tree import plain_tree
from torchladder.core.errors import UsageError


class NotSaved(UsageError):  # noqa: N818 - reads as what happened
    """A checkpoint could not be written; the ones before it are as they were."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint as it was saved.

    Attributes:
        state: The tree that ``save`` was given, its tensors on the CPU.
        notes: What the user should hear: one sentence for each checkpoint that was passed over.
    """

    state: dict[str, Any]
    step: int
    path: Path
    notes: list[str] = field(default_factory=list)


class Checkpoints:
    """The checkpoints of one run. One process writes; any number may read.

    Args:
        folder: Made when the first checkpoint is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, state: Mapping[str, Any], *, step: int, best: bool = False) -> Path:
        """Write a checkpoint, and let it be the last, and the best if it is.

        Args:
            state: A tree of dicts, lists and tuples over tensors and plain values.
            step: Optimizer steps done; saving a step again replaces it.
            best: Whether it is the best so far; it stays until a better one is saved.

        Returns:
            The file.

        Raises:
            NotSaved: If the disk is full or the folder cannot be written; what was saved before is untouched.
            UsageError: If the state holds something besides tensors and plain values.
        """
        tree = plain_tree(state)
        try:
            return self._save(tree, step, best=best)
        except OSError as error:
            msg = (
                f"the checkpoint of step {step:,} was not saved, those before it are intact: "
                f"{self.folder} cannot be written ({error.strerror or error})"
            )
            raise NotSaved(msg) from None

    def load(self, which: Literal["last", "best"] = "last") -> Loaded | None:
        """Return the last or the best checkpoint, or the nearest one that is whole; None if there is none.

        Raises:
            UsageError: If there are checkpoints, and not one can be read.
        """
        passed: list[str] = []
        for entry in Manifest.read(self.folder).candidates(which):
            path = self.folder / entry.file
            try:
                state = read(path, sha256=entry.sha256)
            except Unreadable as error:
                passed.append(str(error))
                continue
            notes = [f"{words}; the checkpoint of step {entry.step:,} is used instead" for words in passed[:1]]
            return Loaded(state, entry.step, path, notes)
        if passed:
            msg = f"no checkpoint in {self.folder} can be loaded: {'; '.join(passed)}"
            raise UsageError(msg)
        return None

    def _save(self, tree: dict[str, Any], step: int, *, best: bool) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        for draft in self.folder.glob(DRAFTS):  # of a writer that was killed
            draft.unlink(missing_ok=True)
        before = Manifest.read(self.folder)
        path = self.folder / before.free_name(step)
        with Replacement(path) as file:
            torch.save(tree, cast("IO[bytes]", file))
        after = before.with_new(Entry(path.name, step, file.sha256), best=best)
        after.write(self.folder)
        for name in after.obsolete:
            with contextlib.suppress(OSError):  # the next save tries again
                (self.folder / name).unlink()
        return path
