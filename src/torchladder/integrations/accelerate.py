"""A tracker for Accelerate: ``Accelerator(log_with=[Watch()])``, from ``init_trackers`` to ``end_training``.

Accelerate does not own the loop and cannot tell of an error. Where ``end_training`` stands in a ``finally`` the run
ends with the error on its way; one that nobody catches ends it when the interpreter leaves.
"""

from typing import Any

from accelerate.tracking import GeneralTracker

from torchladder.integrations.guest import Guest
from torchladder.monitor.watch import Watch as Eye


class Watch(GeneralTracker):  # type: ignore[misc]  # the library has no types
    """Watches the training between ``init_trackers`` and ``end_training``, on every process.

    Args:
        options: Those of ``torchladder.watch``.

    Attributes:
        run: The latest watch, None before the first.
    """

    name = "torchladder"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._guest = Guest(options)

    @property
    def run(self) -> Eye | None:
        """The latest watch."""
        return self._guest.run

    @property
    def tracker(self) -> Eye | None:
        """What ``get_tracker("torchladder", unwrap=True)`` gives."""
        return self._guest.run

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        """Keep nothing: a run's record holds its own settings."""

    def start(self) -> None:
        """Begin to look."""
        self._guest.enter()

    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Keep nothing: the run's own figures are the watch's business."""

    def finish(self) -> None:
        """Stop looking."""
        self._guest.leave(self._guest.on_its_way())
