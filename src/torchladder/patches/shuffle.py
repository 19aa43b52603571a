"""The training loader is made with ``shuffle=True``."""

from torchladder.patches.case import Case, Edited
from torchladder.patches.loaders import training_loader, with_flag


def edit(case: Case) -> Edited | None:
    """Return the file with the loader shuffled, where it is made and for itself alone."""
    found = training_loader(case)
    if found is None:
        return None
    source, call = found
    text = with_flag(source, call, "shuffle", position=2, excludes=("sampler", "batch_sampler"))
    return (source, text) if text else None
