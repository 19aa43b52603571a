"""Prediction and target change places in the call of the loss."""

from torchladder.patches.case import Case, Edited
from torchladder.patches.losses import loss_call, pair


def edit(case: Case) -> Edited | None:
    """Return the file with the two exchanged, however they are passed."""
    site, function = case.site(), case.args.get("function")
    if site is None:
        return None
    source, line = site
    call = loss_call(source, line, str(function) if function else None)
    both = pair(call) if call else None
    if both is None:
        return None
    first, second = both[0].value, both[1].value
    text = source.replaced({first: second, second: first})
    return (source, text) if text else None
