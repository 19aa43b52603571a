"""An MCP server: torchladder's verbs as tools, each a process of its own with a budget and a JSON result.

The protocol is spoken by the official SDK (https://modelcontextprotocol.io), over standard input and output.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchladder import __version__
from torchladder.core.errors import UsageError

GRACE_S = 60.0  # over the budget, until a tool is ended
QUICK_S = 60.0  # budget of tools that run no program of the user's
STATUS = {
    0: "every rung climbed passed, or nothing was found",
    1: "there are findings",
    2: "the request was wrong",
    3: "the program itself failed before it could be judged",
    4: "torchladder failed",
    5: "nothing was found, but something could not be judged",
}
INSTRUCTIONS = """Measure before you edit. `climb` runs a PyTorch training program as experiments and names one root \
cause with file, line, evidence and a verified fix; run it first, and again after each edit until the verdict is \
"healthy". A finding whose fix has "verified": true was proven by re-running the experiment. "unknown" means that \
nobody looked, not that all is well. `explain` gives the page of a rule. Programs are run as they are and are not \
changed."""


async def run_verb(words: Sequence[str], *, folder: str, seconds: float) -> dict[str, Any]:
    """Run a verb that takes ``--json`` and return its report.

    Args:
        words: The verb and its options and arguments; ``--json FILE`` is put behind the verb.
        folder: Working folder of the program.
        seconds: After which the process is ended.

    Returns:
        "status" (the exit status), "meaning", "report" (None when there is none), and "said": what it printed on
        standard error.
    """
    if not Path(folder).is_dir():
        return {"status": 2, "meaning": STATUS[2], "report": None, "said": f"there is no folder {folder}"}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "report.json"
        done, said = await _process([*words[:1], *_with_json(words, file)], folder, seconds)
        report = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return {"status": done, "meaning": STATUS.get(done, "it was ended"), "report": report, "said": said[-4000:]}


def _with_json(words: Sequence[str], file: Path) -> list[str]:
    """Return the words behind the verb, with the file for the report after the sub-verb of ``data``."""
    sub = 2 if words[0] == "data" else 1
    return [*words[1:sub], "--json", str(file), "-q", *words[sub:]]


async def _process(words: Sequence[str], folder: str, seconds: float) -> tuple[int, str]:
    """Run torchladder; return the exit status (-1: ended after ``seconds``) and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "torchladder", *words, cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        _, err = await asyncio.wait_for(process.communicate(), seconds)
    except (TimeoutError, asyncio.CancelledError) as error:
        _end(process.pid)
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise
        return -1, f"ended after {seconds:.0f} s"
    return process.returncode or 0, err.decode(errors="replace")


def _end(pid: int) -> None:
    """End a process with the experiments that it has started."""
    import os
    import signal

    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def server() -> Any:
    """Return the server with its tools.

    Raises:
        UsageError: If the SDK is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError:
        msg = "the MCP server needs the official SDK: pip install 'torchladder[mcp]'"
        raise UsageError(msg) from None

    made = MCPServer("torchladder", instructions=INSTRUCTIONS, version=__version__)

    @made.tool()
    async def climb(
        script: str, args: list[str] | None = None, folder: str = ".", to: int = 5, budget_seconds: float = 300.0
    ) -> dict[str, Any]:
        """Run a PyTorch training program as experiments, rung by rung, and name one root cause of its trouble.

        Rungs: 1 data, 2 loss at initialisation, 3 one batch, 4 small subset, 5 learning rate, 6 full run, 7 errors. The
        climb stops at the first broken rung. `report.cause` has the rule, the lines, what was measured, and fixes with
        a diff and whether they were verified.
        """
        words = ["climb", "--to", str(to), "--budget", str(budget_seconds), script, *(args or [])]
        return await run_verb(words, folder=folder, seconds=budget_seconds + GRACE_S)

    @made.tool()
    async def diagnose(logs: list[str], folder: str = ".") -> dict[str, Any]:
        """Say from the curves of training logs what state a run is in, since when, and what to reach for first.

        Reads CSV, JSON, TensorBoard files, trainer states and console text.
        """
        return await run_verb(["diagnose", *logs], folder=folder, seconds=QUICK_S + GRACE_S)

    @made.tool()
    async def data_check(
        train: str,
        others: list[str] | None = None,
        label: str | None = None,
        group: str | None = None,
        time: str | None = None,
        folder: str = ".",
        budget_seconds: float = 300.0,
    ) -> dict[str, Any]:
        """Check data sets: duplicates within and across splits, leakage, labels, drift, files that cannot be read.

        A side is a table (CSV, JSONL, Parquet), a folder of pictures, arrays, or path.py:make_dataset.
        """  # fmt: skip
        chosen = {"label": label, "group": group, "time": time}
        options = [word for name, value in chosen.items() if value for word in (f"--{name}", value)]
        words = ["data", "check", *options, train, *(others or [])]
        return await run_verb(words, folder=folder, seconds=budget_seconds + GRACE_S)

    @made.tool()
    async def gradcheck(target: str, folder: str = ".", budget_seconds: float = 60.0) -> dict[str, Any]:
        """Check a hand-written gradient against differences in float64; name the parameter that is wrong.

        `target` is PATH:OBJECT, a function or a factory that returns (module_or_function, inputs).
        """
        words = ["gradcheck", "--budget", str(budget_seconds), target]
        return await run_verb(words, folder=folder, seconds=budget_seconds + GRACE_S)

    @made.tool()
    def explain(rule: str) -> str:
        """Return the page of a rule by its code or name: what is wrong, how it is found, what to do."""
        from torchladder.report.pages import explain as page

        try:
            return page(rule)
        except UsageError as error:
            return str(error)

    return made
