"""A callback for Lightning: ``Trainer(callbacks=[Watch()])`` watches every ``fit``."""

import sys
from typing import TYPE_CHECKING, Any

from torchladder.integrations.guest import Guest
from torchladder.monitor.watch import Watch as Eye

if TYPE_CHECKING or "pytorch_lightning" not in sys.modules:
    from lightning.pytorch import Callback
else:
    from pytorch_lightning import Callback  # the older name of the package is another class


class Watch(Callback):
    """Watches the training of a Lightning trainer.

    Args:
        options: Those of ``torchladder.watch``.

    Attributes:
        run: The watch of the latest ``fit``, None before the first.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._guest = Guest(options)

    @property
    def run(self) -> Eye | None:
        """The watch of the latest ``fit``."""
        return self._guest.run

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - the library's signature
        """Begin to look."""
        self._guest.enter()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - the library's signature
        """Stop looking."""
        self._guest.leave(None)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002 - the library's signature
        """Stop looking: the training ended with an error."""
        self._guest.leave(exception)
