"""A callback for the Trainer of transformers: ``Trainer(..., callbacks=[Watch()])`` watches every ``train``."""

import functools
from typing import Any

from transformers import Trainer, TrainerCallback

from torchladder.integrations.guest import Guest
from torchladder.monitor.watch import Watch as Eye


class Watch(TrainerCallback):
    """Watches the training of a Trainer.

    Args:
        options: Those of ``torchladder.watch``.

    Attributes:
        run: The watch of the latest ``train``, None before the first.
    """

    def __init__(self, **options: Any) -> None:
        self._guest = Guest(options)
        _tell_of_errors()

    @property
    def run(self) -> Eye | None:
        """The watch of the latest ``train``."""
        return self._guest.run

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002 - the library's signature
        """Begin to look."""
        self._guest.enter()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002 - the library's signature
        """Stop looking."""
        self._guest.leave(None)

    def failed(self, error: BaseException) -> None:
        """Stop looking: the training ended with an error."""
        self._guest.leave(error)


def _tell_of_errors() -> None:
    """Wrap ``Trainer.train``, once: the library tells its callbacks of everything but errors."""
    original = Trainer.train
    if hasattr(original, "_torchladder"):
        return

    @functools.wraps(original)
    def train(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            for callback in self.callback_handler.callbacks:
                if isinstance(callback, Watch):
                    callback.failed(error)
            raise

    train._torchladder = True  # type: ignore[attr-defined]  # noqa: SLF001 - our own mark
    Trainer.train = train  # type: ignore[method-assign]
