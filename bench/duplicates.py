"""Near duplicates: recall, precision, CPU seconds and memory, beside imagededup and CleanVision where they are.

Copies are planted at a known rate (bench/planted_copies.py): pictures a quarter brighter, cropped by 3 of 64 pixels on
every side, saved at JPEG quality 40; and, apart, in other ways. Each tool runs in a process of its own, imports and the
decoding of the files included; memory is the most that process held. A pair that was not planted counts against
precision, though real data has near copies of its own.

    python bench/duplicates.py                                  all cases of ours
    python bench/duplicates.py --peers OTHER/bin/python         the peers, too, by the Python that has them
    python bench/duplicates.py --only "scenes 10000" --fashion FOLDER --mails FOLDER

What is measured replaces its rows in bench/results/duplicates.json, from which bench/results/duplicates.md is written.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "duplicates.json"
CASES = (
    "scenes 2000", "scenes 10000", "scenes 20000", "other alterations 10000", "fashion 10000", "fashion 60000",
    "fashion as it is", "hashes 250000", "hashes 1000000", "documents 25000", "documents 100000", "mails",
    "rows 25000", "rows 100000",
)  # fmt: skip
PEERS = {"imagededup pHash": "phash", "CleanVision": "cleanvision"}


def ours(case, args):
    """Return (items, pairs found, planted pairs) of one case."""
    import numpy as np
    import planted_copies as planted

    kind, _, size = case.rpartition(" ")
    if kind == "hashes":
        from torchladder.data.near_pictures import near_pictures
        from torchladder.data.thumbnails import SIDE, WIDTH

        rows, pairs = planted.thumbnail_sketches(int(size), WIDTH, SIDE)
        return _timed(len(rows), lambda: near_pictures(rows), pairs)
    if kind == "documents" or case == "mails":
        from torchladder.data.near_texts import near_texts
        from torchladder.data.word_sketches import WORDS_MIN, normalised, sketch_texts

        texts, pairs = planted.documents(int(size)) if kind == "documents" else (_mails(args.mails), [])

        def find():
            sketches, words = sketch_texts([normalised(t) for t in texts])
            long = np.flatnonzero(words >= WORDS_MIN)
            return near_texts(sketches[long]).at(long)

        return _timed(len(texts), find, pairs)
    if kind == "rows":
        from torchladder.data.cell_sketches import cells_of_columns
        from torchladder.data.near_rows import near_rows

        columns, pairs = planted.table(int(size))

        def look():
            cells, numeric = cells_of_columns(columns)
            return near_rows(cells, np.array(numeric)).twins

        return _timed(int(size), look, pairs)
    from torchladder.data.near_pictures import near_pictures
    from torchladder.inspection.duplicates import Duplicates
    from torchladder.sets.folder import open_folder

    def find_in_folder():
        source = open_folder(Path(args.folder))
        fold = Duplicates()
        state = fold.begin()
        for block in source.blocks(0, source.rows):
            state = fold.add(state, block)
        usable = np.flatnonzero(np.concatenate(state.usable))
        places = np.concatenate(state.places)[usable]
        numbers = np.array([int(Path(f).stem) for f in source.files])[places]
        return near_pictures(np.concatenate(state.rows)[usable]).at(numbers)

    return _timed(len(list(Path(args.folder).glob("*.png"))), find_in_folder, json.loads(args.pairs))


def _timed(items, find, pairs):
    begun = time.process_time()
    found = find()
    return {
        "items": items,
        "seconds_apart": time.process_time() - begun,
        "found": list(zip(found.first.tolist(), found.second.tolist(), strict=True)),
        "planted": pairs,
    }


def _mails(folder):
    files = sorted(Path(folder).rglob("*.txt"))
    return [f.read_text(errors="replace").partition("\n\n")[2] for f in files]


def peer(name, folder):
    """Return the pairs that a peer finds in a folder of pictures."""
    if name == "phash":
        from imagededup.methods import PHash

        found = PHash(verbose=False).find_duplicates(image_dir=folder, max_distance_threshold=10)
        pairs = {tuple(sorted((int(Path(a).stem), int(Path(b).stem)))) for a, bs in found.items() for b in bs}
    else:
        from itertools import combinations

        from cleanvision import Imagelab

        lab = Imagelab(data_path=folder)
        lab.find_issues({"near_duplicates": {}, "exact_duplicates": {}}, n_jobs=1, verbose=False)
        pairs = set()
        for kind in ("near_duplicates", "exact_duplicates"):
            for group in lab.info[kind]["sets"]:
                pairs |= {tuple(sorted((int(Path(a).stem), int(Path(b).stem)))) for a, b in combinations(group, 2)}
    return sorted(pairs)


def write_pictures(case, folder, args):
    """Write a case's pictures as numbered PNG files and return its planted pairs."""
    import planted_copies as planted
    from PIL import Image

    kind, _, size = case.rpartition(" ")
    if kind == "scenes":
        images, pairs = planted.scenes(int(size))
    elif kind == "other alterations":
        images, pairs = planted.scenes(int(size), planted.OTHERS)
    else:
        images = [Image.fromarray(i) for i in planted.fashion(args.fashion)]
        images = images if case == "fashion as it is" else images[: int(size)]
        pairs = []
        if case != "fashion as it is":
            images, pairs = planted.with_copies(images, planted.STATED, planted.KINDS, 1, 1)
    for i, image in enumerate(images):
        image.save(Path(folder, f"{i:07d}.png"), compress_level=1)
    return pairs


def measure(case, tool, args):
    """Run one tool on one case in a process of its own and return its row."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = write_pictures(case, folder, args) if case.startswith(("scenes", "other", "fashion")) else []
        python = args.peers if tool in PEERS else sys.executable
        command = [python, __file__, "--child", case, "--tool", tool, "--folder", folder, "--pairs", json.dumps(pairs)]
        command += ["--mails", args.mails or "", "--fashion", args.fashion or ""]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = json.loads(done.stdout.splitlines()[-1])
    found = {tuple(sorted(p)) for p in answer["found"]}
    planted = {tuple(sorted(p[:2])): p[2] for p in (pairs or answer["planted"])}
    hits = found & set(planted)
    ways = sorted(set(planted.values()))
    return {
        "case": case,
        "tool": tool,
        "items": answer["items"],
        "seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "seconds_apart": round(answer["seconds_apart"], 1),
        "mib": round(answer["mib"]),
        "planted": len(planted),
        "found": len(found),
        "recall": round(len(hits) / len(planted), 3) if planted else None,
        "precision": round(len(hits) / len(found), 3) if planted and found else None,
        "by_way": {w: f"{sum(planted[h] == w for h in hits)}/{sum(v == w for v in planted.values())}" for w in ways},
    }


def child(args):
    """Do one case in this process and print what was found."""
    if args.tool in PEERS:
        begun = time.process_time()
        answer = {"found": peer(PEERS[args.tool], args.folder), "planted": []}
        answer |= {"items": len(list(Path(args.folder).glob("*.png"))), "seconds_apart": time.process_time() - begun}
    else:
        answer = ours(args.child, args)
    answer["mib"] = _peak()
    print(json.dumps(answer))


def _peak():
    """Return the most MiB that this process held; what getrusage gives is its parent's where that held more."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def write(rows):
    """Write the table from all rows there are."""
    words = __doc__.partition("\n\n    python")[0]
    lines = ["# Duplicates", "", words, "", "CPU seconds of one shared core; for hashes, documents and rows without"]
    lines += ["making them. `found` counts pairs; where nothing was planted it is what the data has by nature.", ""]
    lines.append("| case | tool | items | CPU s | MiB | planted | found | recall | precision | by way |")
    lines.append("|---|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        for r in (r for r in rows if r["case"] == case):
            generated = case.startswith(("hashes", "documents", "rows", "mails"))
            ways = ", ".join(f"{w} {n}" for w, n in r["by_way"].items())
            shares = ["" if v is None else f"{v:.3f}" for v in (r["recall"], r["precision"])]
            cells = [
                case, r["tool"], f"{r['items']:,}", r["seconds_apart"] if generated else r["seconds"], r["mib"],
                r["planted"], r["found"], *shares, ways,
            ]  # fmt: skip
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    Path(RESULTS.with_suffix(".md")).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--only", "--peers", "--fashion", "--mails", "--child", "--tool", "--folder", "--pairs"):
        parser.add_argument(name)
    args = parser.parse_args()
    if args.child:
        child(args)
        return
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    for case in CASES:
        lacks = (case.startswith("fashion") and not args.fashion) or (case == "mails" and not args.mails)
        if lacks or (args.only and case != args.only and not case.startswith(f"{args.only} ")):
            continue
        for tool in ("torchladder", *(PEERS if args.peers and case.startswith("scenes") else ())):
            row = measure(case, tool, args)
            print(row)
            rows = [r for r in rows if (r["case"], r["tool"]) != (case, tool)] + [row]
            RESULTS.write_text(json.dumps(rows, indent=1))
            write(rows)


if __name__ == "__main__":
    main()
