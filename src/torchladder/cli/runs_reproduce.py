"""``torchladder runs reproduce``: a run made a second time, and the first step at which the two differ."""

import argparse
from typing import TYPE_CHECKING

from torchladder.cli.main import say
from torchladder.cli.run_page import labelled
from torchladder.cli.runs_compare import layer_lines
from torchladder.core.jsonable import to_json
from torchladder.report.text import clean

if TYPE_CHECKING:
    from torchladder.runs.divergence import Divergence
    from torchladder.runs.reproduce import Reproduction
    from torchladder.runs.summary import Summary

DIFFERS = 1


def reproduce_run(run: "Summary", options: argparse.Namespace, width: int) -> int:
    """Make a run again, print what came of it, and return the exit status: 0 equal, 1 not."""
    import json

    from torchladder.runs.reproduce import reproduce

    made = reproduce(options.runs, run, folder=options.folder, say=lambda words: say(clean(words)))
    if options.json:
        print(json.dumps(to_json(made), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(lines(made, width)))
    return 0 if made.divergence.equal and made.status == 0 else DIFFERS


def lines(made: "Reproduction", width: int) -> list[str]:
    """Return the report of a second try."""
    out = []
    facts = {
        "first": f"{made.first.id}  {made.first.state}, {made.first.steps:,} steps",
        "second": f"{made.second.id}  {made.second.state}, {made.second.steps:,} steps",
        "result": verdict(made.divergence),
    }
    if made.divergence.values is not None:
        facts["was"], facts["now"] = made.divergence.values
    facts["compared"] = compared(made.divergence)
    for label, text in facts.items():
        out += labelled(label, clean(text), width)
    same = made.divergence.equal
    heading = "What was different the second time:" if not same else "What it was made of, the second time:"
    return [*out, "", heading, *layer_lines(made.layers, ("first", "second"), width)]


def verdict(found: "Divergence") -> str:
    """Return in one sentence whether two runs are the same."""
    first, second = found.steps
    if found.equal is None:
        return "not known: the runs recorded nothing that can be compared"
    if found.equal and first == second:
        return f"bit for bit the same over {first:,} steps"
    if found.equal:
        return f"bit for bit the same over the {min(first, second):,} steps that both made, of {first:,} and {second:,}"
    if found.step is None:
        return f"every recorded step is the same, the {found.what} are not"
    return f"the first difference is at step {found.step:,}: {found.what}"


def compared(found: "Divergence") -> str:
    """Return what was compared."""
    return ", ".join(f"{n:,} {kind}" if n > 1 else kind for kind, n in found.compared.items()) or "nothing"
