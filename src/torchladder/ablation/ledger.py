"""The finished runs: a file each, written in one piece with its checksum, so that a killed ablation goes on."""

import contextlib
import hashlib
import json
from pathlib import Path

from torchladder.ablation.job import Job, Result
from torchladder.checkpoints.atomic import Replacement
from torchladder.core.errors import UsageError
from torchladder.core.jsonable import from_json, to_json

SCHEMA = 1


class Ledger:
    """A folder of results by the identity of their runs; equal runs of other ablations are found, too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{folder} cannot be made: {error.strerror or error}"
            raise UsageError(msg) from None

    def find(self, job: Job) -> Result | None:
        """Return the result of an equal run that ended; a damaged file is as good as none."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            stored = json.loads(self._file(job).read_text(encoding="utf-8"))
            if stored["schema"] == SCHEMA and stored["sha256"] == _checksum(stored["result"]):
                result: Result = from_json(Result, stored["result"])
                return result if result.ended else None
        return None

    def keep(self, job: Job, result: Result) -> None:
        """Store a result; one that failed is for people to look at, and is made again next time.

        Raises:
            UsageError: If it cannot be written.
        """
        content = to_json(result)
        stored = {
            "schema": SCHEMA,
            "change": job.variant,
            "seed": job.seed,
            "identity": job.identity,
            "result": content,
            "sha256": _checksum(content),
        }
        text = json.dumps(stored, indent=1, ensure_ascii=False, default=str) + "\n"
        try:
            with Replacement(self._file(job)) as file:
                file.write(text.encode("utf-8", "surrogatepass"))
        except OSError as error:
            msg = f"{self._file(job)} cannot be written: {error.strerror or error}; what was finished before is kept"
            raise UsageError(msg) from None

    def _file(self, job: Job) -> Path:
        return self.folder / f"{job.key}.json"


def _checksum(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
