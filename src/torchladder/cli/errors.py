"""``torchladder errors``: what the mistakes of a classifier have in common, and a page to tag them on."""

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from torchladder.cli.climb import finish
from torchladder.cli.data_check import count
from torchladder.cli.main import Parser, say
from torchladder.core.errors import UsageError

SAMPLE = 100
PAGE, TAGS = "mistakes.html", "tags.json"
OURS, HEAD = b"<title>Mistakes</title>", 2000
PORT_MAX = 65_535


def seed(text: str) -> int:
    """Return a number from 0."""
    if not text.isdecimal():
        msg = f"{text!r} is not a whole number from 0"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def port(text: str) -> int:
    """Return the number of a port; 0 takes a free one."""
    if not text.isdecimal() or int(text) > PORT_MAX:
        msg = f"{text!r} is not a port from 0 to {PORT_MAX}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``errors``."""
    made = Parser(
        prog="torchladder errors",
        description="Say what the mistakes of a classifier have in common, what each kind of them costs and what to do "
        "about it; draw some to look at, and count what a person says of them.",
        epilog="RUN is the folder of a run that was watched or climbed to rung 7, or its id. PREDICTIONS is a CSV, "
        "TSV, JSONL, Parquet or Arrow file with columns label, prediction and/or prob_CLASS (logit_CLASS, score), and "
        "as you have them id, path, index, text, group, split; or an .npz of output and target. Exit status: 0 "
        "analysed (mistakes are no findings), 2 usage, 4 torchladder failed.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("predictions", metavar="RUN|PREDICTIONS", help="a run, its folder, or a file of predictions")
    add("--data", metavar="SET", help="the samples: pictures, texts or rows, found by path, index or order")
    for role, words in (
        ("label", "column of the labels"),
        ("prediction", "column of the answers"),
        ("scores", "column with scores, or what the names of several begin with"),
        ("group", "column of groups: site, device, speaker"),
        ("text", "column of texts"),
    ):
        add(f"--{role}", metavar="COLUMN", help=f"{words}; told if inferred")
    add("--split", metavar="NAME", help="analyse the rows of this split only (all but training)")
    add("--sample", type=count, default=SAMPLE, metavar="N", help=f"mistakes to draw for the page ({SAMPLE})")
    add("--seed", type=seed, default=0, metavar="N", help="of the draw, and of the halves thresholds are chosen on (0)")
    add("--tags", type=Path, metavar="FILE", help="count these tags (those beside the run, if there are any)")
    add("--serve", action="store_true", help="serve the page on this machine until Ctrl-C; tags are saved as they come")
    add("--port", type=port, default=0, metavar="N", help="for --serve: the port (a free one)")
    add("--out", type=Path, metavar="DIR", help="where page and tags go (the run's folder)")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the page with figures, buckets and mistakes to tag here")
    add("--force", action="store_true", help="let --json and --html overwrite other files")
    add("-q", "--quiet", action="store_true", help="print nothing but errors")
    return made


def run(options: argparse.Namespace) -> int:
    """Analyse, report, serve if asked, and return the exit status."""
    started = time.monotonic()
    check(options)

    from torchladder.mistakes import tags as stored
    from torchladder.mistakes.analysis import analyse
    from torchladder.mistakes.columns import Asked
    from torchladder.mistakes.page import keys_of, page
    from torchladder.mistakes.reading import FILE, located, read
    from torchladder.mistakes.report import report_of, sentence

    path = located(options.predictions)
    page_file, tags_file = outputs(options, path, of_run=path.name == FILE)
    given = stored.read(tags_file) if tags_file is not None and tags_file.exists() else None
    asked = Asked(options.label, options.prediction, options.scores, options.group, options.text, options.split)
    found = analyse(
        read(path, asked), data=options.data, folder=path.parent, seed=options.seed, sample=options.sample
    )  # fmt: skip
    tags = given if given is not None else stored.empty(texts=found.joined.texts is not None)
    made = {"name": options.predictions, "sentence": sentence(found)}
    files: dict[str, str] = {}
    if page_file is not None:
        written(page_file, page(found, tags, **made, served=False))
        files["page"] = str(page_file)
    if given is not None:
        files["tags_file"] = str(tags_file)
    n, wrong = len(found.predictions), int(found.predictions.wrong.sum())
    pareto = stored.pareto(given, keys_of(found), wrong, n) if given is not None else None
    report = report_of(
        found, name=options.predictions, seconds=time.monotonic() - started, tags=pareto, files=files,
        following=following(options, wrong),
    )  # fmt: skip
    status = finish(report, argparse.Namespace(**{**vars(options), "fail_on": "never", "html": None}))
    if options.serve and tags_file is not None:
        serve(page(found, tags, **made, served=True), tags, tags_file, options)
    return status


def check(options: argparse.Namespace) -> None:
    """Complain about outputs before anything is read.

    Raises:
        UsageError: If one cannot be written.
    """
    from torchladder.report.json import check_writable

    if options.json:
        check_writable(options.json, force=options.force)
    if options.tags is not None and not options.tags.is_file():
        msg = f"there is no file {options.tags} of tags"
        raise UsageError(msg)
    if options.html is not None:
        if not options.html.parent.is_dir():
            msg = f"there is no folder {options.html.parent} for {options.html.name}"
            raise UsageError(msg)
        check_page(options.html, force=options.force)
    if options.out is not None and options.out.exists() and not options.out.is_dir():
        msg = f"--out {options.out} is a file; name a folder"
        raise UsageError(msg)


def check_page(file: Path, *, force: bool) -> None:
    """Complain about a file that is there and no page of ours.

    Raises:
        UsageError: If it would be lost.
    """
    if file.is_dir():
        msg = f"{file} is a folder; name a file"
        raise UsageError(msg)
    if not file.exists() or force:
        return
    with file.open("rb") as kept:
        if OURS not in kept.read(HEAD):
            msg = f"{file} exists and is no page of mistakes; --force overwrites it"
            raise UsageError(msg)


def outputs(options: argparse.Namespace, path: Path, *, of_run: bool) -> tuple[Path | None, Path | None]:
    """Return where the page goes, None for nowhere, and where tags are.

    A run's folder takes both. Beside a file of predictions nothing but tags is put, and those when they are given.

    Raises:
        UsageError: If a page would overwrite something else, or a folder cannot be made.
    """
    page_file, tags_file = options.html, options.tags
    if options.out is not None:
        try:
            options.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{options.out} cannot be made: {error.strerror}"
            raise UsageError(msg) from None
    folder = options.out if options.out is not None else path.parent if of_run else None
    if folder is not None:
        page_file = page_file or folder / PAGE
        tags_file = tags_file or folder / TAGS
    check_page(page_file, force=options.force) if page_file is not None else None
    return page_file, tags_file or path.with_name(f"{path.stem}.{TAGS}")


def written(file: Path, text: str) -> None:
    """Write the page.

    Raises:
        UsageError: If it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{file} cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def following(options: argparse.Namespace, wrong: int) -> str:
    """Return the next command to type."""
    data = ["--data", options.data] if options.data is not None else []
    words = ["--serve", *data, options.predictions]
    return shlex.join(["torchladder", "errors", *words]) if wrong else "torchladder data check TRAIN VAL"


def serve(page: str, tags: dict[str, Any], path: Path, options: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        UsageError: If the port is taken.
    """
    from torchladder.mistakes.serve import Server

    try:
        server = Server(page, tags, path, options.port)
    except OSError as error:
        msg = f"port {options.port} cannot be used: {error.strerror}"
        raise UsageError(msg) from None
    with server:
        print(f"\n  open {server.url}\n  tags go to {path}; Ctrl-C ends", flush=True)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            say(f"stopped; the tags are in {path}" if path.exists() else "stopped; no tag was given")
