"""A folder of a run, or of many: which files in it are logs, and which of them belong to one run."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from torchladder.logs import events
from torchladder.logs.table import Table

NAMED = (
    "metrics.csv", "trainer_state.json", "results.csv", "metrics.jsonl", "history.csv", "history.json", "log.csv",
    "training_log.csv", "training.log", "log.txt", "train.log", "log.json", "log.jsonl", "progress.csv", "stats.json",
    "wandb-history.jsonl", "output.log", "mlflow.db",
)  # fmt: skip
LOGS = {".csv", ".tsv", ".jsonl", ".ndjson", ".log", ".txt", ".json"}
NOT_LOGS = {"config.json", "package.json", "hparams.json", "args.json", "run.json", "report.json", "requirements.txt"}
DEPTH, MOST = 5, 200
_CHECKPOINT = re.compile(r"^checkpoint-(\d+)$")


def runs_in(folder: Path) -> Iterator[tuple[str, Path | list[Path]]]:
    """Yield name and log of each run below a folder: a file, a folder that is a log, or event files of one run."""
    found = 0
    pending = [(folder, 0)]
    while pending and found < MOST:
        here, depth = pending.pop(0)
        entries = sorted(here.iterdir()) if here.is_dir() else []
        mine = list(_here(here, entries))
        yield from mine
        found += len(mine)
        if not mine or depth == 0:
            inner = [e for e in entries if e.is_dir() and not e.name.startswith(".") and not _again(e)]
            inner = inner if not mine or depth else [] if _is_one_run(mine) else inner
            pending = ([(e, depth + 1) for e in inner] if depth < DEPTH else []) + pending


def _again(entry: Path) -> bool:
    """Tell whether an entry is a link to another beside it, such as W&B's ``latest-run``."""
    return entry.is_symlink() and entry.resolve().parent == entry.parent.resolve()


def _is_one_run(mine: "list[tuple[str, Path | list[Path]]]") -> bool:
    return any(not isinstance(log, Path) or log.name in NAMED or log.is_dir() for _, log in mine)


def _here(folder: Path, entries: list[Path]) -> "Iterator[tuple[str, Path | list[Path]]]":
    names = {e.name for e in entries}
    if (folder / "run.json").exists() and "metrics.jsonl" in names:
        yield str(folder), folder / "metrics.jsonl"
        return
    if folder.name == "metrics" and entries and all(e.is_file() and not e.suffix for e in entries):
        yield str(folder.parent), folder  # MLflow: a file a metric
        return
    kept = [e for e in entries if e.suffix == ".wandb" and e.is_file()]
    if kept:  # its other logs are about W&B itself
        yield from ((str(e), e) for e in kept)
        return
    written = [e for e in entries if "tfevents" in e.name and e.is_file()]
    checkpoints = sorted((int(m[1]), e) for e in entries if (m := _CHECKPOINT.match(e.name)) and e.is_dir())
    named = next((folder / n for n in NAMED if n in names), None)
    if named is None and checkpoints and (checkpoints[-1][1] / "trainer_state.json").exists():
        named = checkpoints[-1][1] / "trainer_state.json"  # the newest one has the history of all
    if named is not None:
        yield str(folder), named
    elif written:
        yield str(folder), written
    elif checkpoints:
        return
    else:
        yield from (
            (str(e), e)
            for e in entries
            if e.is_file() and e.suffix in LOGS and e.name not in NOT_LOGS and e.stat().st_size > 0
        )


def merged_events(files: list[Path], source: str) -> Table:
    """Return the table of event files that one run wrote one after another."""
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    torn = False
    for file in files:
        points, broke = events.points_of(file)
        torn = torn or broke
        for tag, pair in points.items():
            parts.setdefault(tag, []).append(pair)
    joined = {t: (np.concatenate([s for s, _ in p]), np.concatenate([v for _, v in p])) for t, p in parts.items()}
    return events.table_of(joined, source, torn=torn)
