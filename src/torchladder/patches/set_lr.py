"""A learning rate of zero that is written in the file, replaced."""

from torchladder.patches.case import Case, Edited
from torchladder.patches.rates import rewritten


def edit(case: Case) -> Edited | None:
    """Return the file with a working rate."""
    rate = case.args.get("lr")
    if not isinstance(rate, int | float):
        return None
    return rewritten(case, lambda written: float(rate) if written == 0 else None)
