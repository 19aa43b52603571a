"""Which way a loss pulls the outputs of the layers nearest to it."""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class PullFact:
    """The gradients at the output of one layer that its optimizer trains, over the dense steps of a phase.

    Attributes:
        layer: Its path in the model, "" for the model itself.
        columns: Its outputs; ``one_way`` those whose gradient was never 0 throughout and never changed its sign,
            in any sample of any step looked at.
        upwards: Whether any of these is pushed to larger values.
        looks: Steps looked at; ``samples`` rows of the gradients, over all of them.
        sizes: Sum of the absolute gradients of the columns in ``one_way``, by step.
        values: The differentiated scalar at the same steps, the sum of those that reach the layer.
        lines: Lines of a hand-written loss.
    """

    phase: int
    layer: str
    columns: int
    one_way: tuple[int, ...]
    upwards: bool
    looks: int
    samples: int
    sizes: tuple[float, ...]
    values: tuple[float, ...] = ()
    lines: tuple[Place, ...] = ()
