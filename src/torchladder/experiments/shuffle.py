"""Training loaders draw in random order."""

from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed: only loaders in sequential order that are trained on matter."""

    def shuffled(loader: Any) -> Any:
        if isinstance(loader.dataset, IterableDataset) or loader.batch_size is None:
            return loader
        return DataLoader(
            loader.dataset, loader.batch_size, shuffle=True, collate_fn=loader.collate_fn, drop_last=loader.drop_last
        )

    session.loaders.substitute = shuffled
