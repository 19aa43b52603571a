"""``torchladder data``: data sets without a training program; each part is a file of its own."""

import argparse
import importlib

from torchladder.cli.main import Parser

# What there is beside "check" is added here: the module has ``options(parser)`` and ``run(options)``.
PARTS = {
    "check": ("data_check", "check data sets against each other: duplicates, leakage, labels, drift, odd files"),
    "split": ("data_split", "write the right split of a data set, and prove that it is clean"),
    "batch": ("data_batch", "look at one real batch after all transforms, as a picture and line by line"),
}


def built() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of ``data``, and that of each part."""
    made = Parser(prog="torchladder data", description="Look at data sets themselves, without training.")
    parts = made.add_subparsers(dest="part", required=True, metavar="PART", parser_class=Parser)
    for part, (module, what) in PARTS.items():
        named = importlib.import_module(f"torchladder.cli.{module}")
        named.options(parts.add_parser(part, help=what, description=what[0].upper() + what[1:] + ".", **named.PARSER))
    return made, dict(parts.choices)


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``data``."""
    return built()[0]


def run(options: argparse.Namespace) -> int:
    """Run the part that was named."""
    module = importlib.import_module(f"torchladder.cli.{PARTS[options.part][0]}")
    status: int = module.run(options)
    return status
