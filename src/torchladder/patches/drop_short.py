"""The training loader leaves out a last batch that is short."""

from torchladder.patches.case import Case, Edited
from torchladder.patches.loaders import training_loader, with_flag


def edit(case: Case) -> Edited | None:
    """Return the file with ``drop_last=True`` where the loader is made, for itself alone."""
    found = training_loader(case)
    if found is None:
        return None
    source, call = found
    text = with_flag(source, call, "drop_last", position=8, excludes=("batch_sampler",))
    return (source, text) if text else None
