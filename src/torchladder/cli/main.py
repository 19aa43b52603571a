"""The verb table: find the verb, import its file, run it, turn failures into one sentence.

Nothing here imports torch; a verb is imported when it is used.
"""

import argparse
import contextlib
import difflib
import gc
import importlib
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from torchladder import __version__
from torchladder.cli import settings
from torchladder.core.errors import LadderError, UsageError

INTERRUPTED = 130
BROKEN_PIPE = 141
ISSUES = "Please report this with that file attached."

VERBS = {
    "climb": "climb the ladder with a training program and name the root cause of its trouble",
    "train": "train by a recipe: the ladder first, the run under watch, then its figures",
    "ablate": "change one thing at a time, over several seeds, and say what is more than noise",
    "watch": "make the real run, with an eye on it at next to no cost",
    "overfit": "one rung alone: can the program fit one batch",
    "lr": "one rung alone: a learning-rate range test, checked by training at what it suggests",
    "smoke": "one rung alone: does the program run, and what does its data look like",
    "data": "check data sets themselves: duplicates, leakage, labels, drift, files that cannot be read",
    "loader": "time the loader of a program: what steps wait for, and which setting to change first",
    "scaling": "fit scaling laws to finished runs, foretell a larger one, judge runs against the law",
    "ceiling": "rank the stages of a pipeline by what right answers of each would give at its end",
    "errors": "say what the mistakes of a classifier have in common, and tag a sample of them by hand",
    "gradcheck": "check hand-written gradients against differences, and name the parameter that is wrong",
    "diagnose": "say from the curves of a log what state a run is in and what to reach for first",
    "explain": "print the page of a rule: what is wrong, why it hurts, what to do",
    "rules": "list the rules",
    "report": "show a stored record again",
    "runs": "list the recorded runs, show one, compare several, or make one again, bit for bit",
    "fix": "print or apply the fix of a stored record",
    "demo": "plant a rule's bug in a healthy script and climb it",
    "checklist": "tick off seven points before a long run, each with its figures",
    "skill": "print a guide for coding agents, made from the rules",
    "mcp": "serve the tools to a coding agent by the Model Context Protocol",
    "completion": "print a script that completes these words in a shell",
    "doctor": "print versions, devices and what can be observed, for bug reports",
}
# Verbs that load torch, and run nothing of the user's in their own process.
APART = {"climb", "overfit", "lr", "smoke", "demo", "checklist", "fix", "diagnose", "data", "errors", "report", "runs"}


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are UsageErrors with a suggestion."""

    def error(self, message: str) -> NoReturn:
        """Raise the complaint as a UsageError."""
        msg = f"{message}; try: {self.prog} --help"
        raise UsageError(msg)


def nearest(word: str, words: Sequence[str]) -> str:
    """Return a phrase naming up to three of ``words`` that are close to ``word``, or nothing."""
    close = difflib.get_close_matches(word.lower(), [w.lower() for w in words], n=3, cutoff=0.5)
    by_lower = {w.lower(): w for w in words}
    return f"; the nearest: {', '.join(by_lower[c] for c in close)}" if close else ""


def parser_of(verb: str) -> argparse.ArgumentParser:
    """Return the parser of a verb."""
    module = importlib.import_module(f"torchladder.cli.{verb}")
    parser: argparse.ArgumentParser = module.parser()
    return parser


def usage() -> str:
    """Return the page that ``--help`` prints."""
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {what}" for verb, what in VERBS.items()]
    return "\n".join([
        "usage: torchladder VERB [options] ...",
        "",
        "Runs a PyTorch training program as experiments, names one root cause of its trouble and proves it.",
        "",
        *lines,
        "",
        "  torchladder VERB --help     the options of a verb",
        "  torchladder --version       the version",
        "",
        "First: torchladder climb train.py",
    ])


def dispatch(argv: list[str]) -> int:
    """Run the verb that ``argv`` names and return its exit status.

    Raises:
        UsageError: If there is no such verb.
    """
    if not argv:
        print(usage(), file=sys.stderr)
        return UsageError.exit_status
    verb, *rest = argv
    if verb in {"-h", "--help", "help"}:
        print(usage())
        return 0
    if verb in {"-V", "--version"}:
        print(f"torchladder {__version__}")
        return 0
    if verb not in VERBS:
        hint = f"; did you mean: torchladder climb {verb}" if verb.endswith(".py") else nearest(verb, list(VERBS))
        msg = f"there is no verb {verb!r}{hint}; try: torchladder --help"
        raise UsageError(msg)
    module = importlib.import_module(f"torchladder.cli.{verb}")
    parser = module.parser()
    options = parser.parse_args(settings.with_settings(verb, parser, rest, VERBS))
    status: int = module.run(options)
    return status


def save_traceback() -> str:
    """Write the traceback of the current exception under ``.torchladder/`` and say where it is."""
    text = traceback.format_exc()
    folder = Path(".torchladder")
    try:
        folder.mkdir(exist_ok=True)
        file = folder / f"failure-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        file.write_text(f"torchladder {__version__}, Python {sys.version}\n\n{text}", encoding="utf-8")
    except OSError:
        sys.stderr.write(text)
        return "its traceback is above"
    return f"its traceback is in {file}"


def say(sentence: str) -> None:
    """Print one sentence of ours on stderr."""
    with contextlib.suppress(OSError):
        print(f"torchladder: {sentence}", file=sys.stderr)


def console() -> int:
    """Be the command: run it and return the exit status of the process."""
    status = main()
    if set(sys.argv[1:2]) & APART:
        gc.freeze()  # else Python looks through all objects of torch once more before it ends, for a second or so
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except LadderError as error:
        say(" ".join(str(error).split()))
        return error.exit_status
    except KeyboardInterrupt:
        say("stopped by Ctrl-C; no report was written.")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # the last resort: one line instead of a traceback
        say(f"a defect of torchladder itself ({type(error).__name__}: {error}); {save_traceback()}. {ISSUES}")
        return LadderError.exit_status
    return status
