"""A split from beginning to end: read, decide, write, prove, record."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import torchladder
from torchladder.core.errors import UsageError
from torchladder.core.report import Report
from torchladder.inspection.engine import Progress
from torchladder.inspection.times import moment
from torchladder.sets.files import printable
from torchladder.sets.folder import FolderSource
from torchladder.sets.listed import ListedSource
from torchladder.sets.open import open_set
from torchladder.sets.source import Columns, Source
from torchladder.splitting.assign import tabled
from torchladder.splitting.plan import Plan, Wish, group_counts, planned
from torchladder.splitting.prove import proven
from torchladder.splitting.roster import Members, members_of
from torchladder.splitting.write import check_free, files_of, folder_for, read_back, write_record, write_sides


@dataclass(frozen=True, slots=True)
class Target:
    """Where a split goes: a folder, "list", "copy" or "link" for pictures, and whether files may be overwritten."""

    out: Path
    how: str = "list"
    force: bool = False


def split(data: str, asked: Columns, wish: Wish, target: Target, progress: Progress) -> Report:
    """Split a data set and prove that the split is clean.

    Raises:
        UsageError: If the data cannot be read, or what is wished for cannot be had.
    """
    source = opened(data, asked)
    files = files_of(source, wish.sides, target.how)
    _check_apart(source, data, target)
    check_free(target.out, files, force=target.force)
    members = members_of(source, progress)
    if not len(members):
        msg = f"no sample of {data} can be read"
        raise UsageError(msg)
    plan = planned(members, source.columns, wish, data)
    with folder_for(target.out, files, force=target.force) as draft:
        paths = [draft / f for f in files]
        write_sides(source, plan.sides, members.places, wish.sides, paths, target.how)
        shown = [printable(target.out / f) for f in files]
        written = read_back(source, wish.sides, paths, shown)
        again = check_again(source, shown)
        report = proven(written, plan, wish, name=printable(target.out), again=again, progress=progress)
        write_record(draft, record(source, members, plan, wish, files, report))
    return dataclasses.replace(report, next=again)


def opened(data: str, asked: Columns) -> Source:
    """Return the one data set that is to be split.

    Raises:
        UsageError: If there are several: it is split already.
    """
    found = open_set(data, asked)
    if len(found) > 1:
        names = ", ".join(s.name for _, s in found)
        msg = f"{data} is split already, into {names}; to split it anew, put them together or name one of them"
        raise UsageError(msg)
    return found[0][1]


def _check_apart(source: Source, data: str, target: Target) -> None:
    """Make sure that what is written does not become part of what is read."""
    root, out = Path(data).resolve(), target.out.resolve()
    if isinstance(source, FolderSource) and (out == root or (target.how != "list" and root in out.parents)):
        msg = f"{printable(target.out)} lies in the data that is split: choose another folder for --out"
        raise UsageError(msg)
    if root.is_file() and any(root == out / f for f in files_of(source, ("train", "val", "test"), target.how)):
        msg = f"{data} would be overwritten: choose another folder for --out"
        raise UsageError(msg)


def check_again(source: Source, shown: list[str]) -> str:
    """Return the command that checks the split once more, or what to do with it."""
    import shlex

    if shown[0].endswith(".npz"):
        return f'train on the samples numbered numpy.load("{shown[0]}")["train"]'
    c = source.columns
    named = [(r, getattr(c, r)) for r in ("label", "group", "time", "text") if c.chosen.get(r) == "user"]
    named += [("root", source.root)] if isinstance(source, ListedSource) and Path(shown[0]).suffix else []
    words = [w for role, name in named for w in (f"--{role}", name)]
    return shlex.join(["torchladder", "data", "check", *words, *shown])


def record(
    source: Source, members: Members, plan: Plan, wish: Wish, files: list[str], report: Report
) -> dict[str, Any]:
    """Return what ``split.json`` holds."""
    n = len(wish.fractions)
    table = tabled(plan.classes, plan.sides, n) if plan.classes is not None else None
    groups = group_counts(members.groups, plan.sides, n)
    sides: dict[str, Any] = {}
    total = max(int((plan.sides >= 0).sum()), 1)
    for i, (name, file) in enumerate(zip(wish.sides, files, strict=True)):
        own = plan.sides == i
        row: dict[str, Any] = {"file": file, "samples": int(own.sum()), "share": round(int(own.sum()) / total, 6)}
        if table is not None:
            counts = {plan.names[c]: int(table[i, c]) for c in range(len(plan.names))}
            shares = {c: round(k / max(int(own.sum()), 1), 6) for c, k in counts.items()}
            row |= {"classes": counts, "class_shares": shares}
        row |= {"groups": groups[i]} if groups is not None else {}
        if members.times is not None and np.isfinite(members.times[own]).any():
            row |= {"first": moment(np.nanmin(members.times[own])), "last": moment(np.nanmax(members.times[own]))}
        sides[name] = row
    rung = report.rungs[0]
    return {
        "schema": 1,
        "tool": torchladder.__version__,
        "data": source.name,
        "root": source.root if isinstance(source, FolderSource) else None,
        "fingerprint": source.fingerprint(),
        "columns": {r: getattr(source.columns, r) for r in ("label", "group", "time", "text")},
        "rule": plan.rule,
        "seed": wish.seed,
        "fractions": list(wish.fractions),
        "gap": wish.gap,
        "sides": sides,
        "left_out": plan.left_out,
        "unreadable": members.lost,
        "told": plan.told,
        "proof": {
            "verdict": report.verdict,
            "sentence": report.sentence,
            "checks": rung.facts["checks"],
            "findings": [{"code": f.code, "severity": f.severity.value, "message": f.message} for f in report.findings],
        },
    }
