"""Training samples with the labels of other places of the same data set."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from torchladder.data.alignment import in_list
from torchladder.probes.session import Session


class Shifted(Dataset[Any]):
    """A data set whose sample i has the last element of the sample at ``places[i]``."""

    def __init__(self, data: Any, places: NDArray[np.int64]) -> None:
        self.data, self.places = data, places

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.data)

    def __getitem__(self, index: int) -> Any:
        """Return a sample with another one's label."""
        item, other = self.data[index], self.data[int(self.places[index])]
        return type(item)((*item[:-1], other[-1]))


def apply(session: Session, args: dict[str, Any]) -> None:
    """``loader``: the row of the loader among those iterated; ``how``, ``shift``; ``below``: under its subsets."""

    def relabelled(data: Any) -> Any:
        if args.get("below") and isinstance(data, Subset):
            return Subset(relabelled(data.dataset), data.indices)
        how, shift, n = args.get("how", "shift"), args["shift"], len(data)
        if how == "shift":
            return Shifted(data, (np.arange(n) + shift) % n)
        places = next(d.places for d in in_list(np.arange(n), n) if (d.how, d.shift) == (how, shift))
        return Shifted(data, places)

    def shifted(loader: Any) -> Any:
        rows = [seen.loader for seen in session.loaders.table.values()]
        mine = args["loader"] < len(rows) and rows[args["loader"]] is loader
        plain = not isinstance(loader.dataset, IterableDataset) and loader.batch_size is not None
        if not mine or not plain or not isinstance(loader.dataset[0], (tuple, list)):
            return loader
        return DataLoader(
            relabelled(loader.dataset),
            loader.batch_size,
            sampler=loader.sampler,
            collate_fn=loader.collate_fn,
            drop_last=loader.drop_last,
        )

    session.loaders.substitute = shifted
