"""The learning rate that is written in the file, multiplied."""

import re

from torchladder.patches.case import Case, Edited
from torchladder.patches.rates import rewritten


def edit(case: Case) -> Edited | None:
    """Return the file with the rate that was tried; the fix's title tells which number that is."""
    factor = case.args.get("factor")
    if not isinstance(factor, int | float):
        return None
    tried = {float(t) for t in re.findall(r"\d+\.?\d*(?:e[-+]?\d+)?", case.fix.title)}

    def new_rate(rate: float) -> float | None:
        return rate * factor if float(f"{rate * factor:.3g}") in tried else None

    return rewritten(case, new_rate)
