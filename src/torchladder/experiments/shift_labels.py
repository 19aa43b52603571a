"""Training samples with the labels of other places of the same data set."""

from typing import Any

from torch.utils.data import DataLoader, Dataset, IterableDataset

from torchladder.probes.session import Session


class Shifted(Dataset[Any]):
    """A data set whose sample i has the last element of sample i + ``shift``; the list wraps around."""

    def __init__(self, data: Any, shift: int) -> None:
        self.data, self.shift = data, shift

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.data)

    def __getitem__(self, index: int) -> Any:
        """Return a sample with another one's label."""
        item, other = self.data[index], self.data[(index + self.shift) % len(self.data)]
        return type(item)((*item[:-1], other[-1]))


def apply(session: Session, args: dict[str, Any]) -> None:
    """``loader``: the row of the loader among those iterated; ``shift``: places."""

    def shifted(loader: Any) -> Any:
        rows = [seen.loader for seen in session.loaders.table.values()]
        mine = args["loader"] < len(rows) and rows[args["loader"]] is loader
        plain = not isinstance(loader.dataset, IterableDataset) and loader.batch_size is not None
        if not mine or not plain or not isinstance(loader.dataset[0], (tuple, list)):
            return loader
        return DataLoader(
            Shifted(loader.dataset, args["shift"]),
            loader.batch_size,
            sampler=loader.sampler,
            collate_fn=loader.collate_fn,
            drop_last=loader.drop_last,
        )

    session.loaders.substitute = shifted
