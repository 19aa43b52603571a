"""The pytest plugin: one fixture. Nothing heavy is imported before a test asks for it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from torchladder.testing.ladder import Ladder


@pytest.fixture(scope="session")
def ladder() -> "Ladder":
    """Return the sanity checks of torchladder, each an assertion: ``ladder.overfits_one_batch(model, (x, y))``."""
    from torchladder.testing.ladder import Ladder

    return Ladder()
