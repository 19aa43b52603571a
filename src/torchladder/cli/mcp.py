"""``torchladder mcp``: the tools for coding agents, over standard input and output."""

import argparse
import contextlib

from torchladder.cli.main import Parser


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``mcp``."""
    return Parser(
        prog="torchladder mcp",
        description="Serve climb, diagnose, data_check, gradcheck and explain to a coding agent by the Model Context "
        "Protocol, on standard input and output. Needs: pip install 'torchladder[mcp]'.",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until the input ends."""
    del options
    from torchladder.agents.server import server

    made = server()
    with contextlib.suppress(KeyboardInterrupt):
        made.run("stdio")
    return 0
