"""``torchladder data``: data sets without a training program; each part is a file of its own."""

import argparse
import importlib

from torchladder.cli.main import Parser

# What there is beside "check" is added here: the module has ``options(parser)`` and ``run(options)``.
PARTS = {
    "check": ("data_check", "check data sets against each other: duplicates, leakage, labels, drift, odd files"),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``data``."""
    made = Parser(prog="torchladder data", description="Look at data sets themselves, without training.")
    parts = made.add_subparsers(dest="part", required=True, metavar="PART", parser_class=Parser)
    for part, (module, what) in PARTS.items():
        named = importlib.import_module(f"torchladder.cli.{module}")
        named.options(parts.add_parser(part, help=what, description=what[0].upper() + what[1:] + ".", **named.PARSER))
    return made


def run(options: argparse.Namespace) -> int:
    """Run the part that was named."""
    module = importlib.import_module(f"torchladder.cli.{PARTS[options.part][0]}")
    status: int = module.run(options)
    return status
