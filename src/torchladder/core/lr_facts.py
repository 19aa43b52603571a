"""Rows about learning rates: the sweep of a range test, and the short runs that check what it suggests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LrTrialFact:
    """The program's own loop for some steps at another rate, its schedule and the ratios of its groups kept.

    Attributes:
        lr: Of the largest group, at the height of its schedule; ``factor`` that over the program's own.
        losses: The differentiated scalar at each step.
        held_out: (step, loss) of each evaluation on data that is not trained on, ``accuracies`` likewise.
        rows: Samples in the last evaluation.
        majority: Share of the most frequent target there.
        ended: How the run ended: "ended" by itself, "stopped" after ``steps``, "diverged", "timeout", "crashed".
    """

    phase: int
    lr: float
    factor: float
    losses: tuple[float, ...]
    held_out: tuple[tuple[float, float], ...] = ()
    accuracies: tuple[tuple[float, float], ...] = ()
    rows: int | None = None
    majority: float | None = None
    ended: str = "ended"
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LrSweepFact:
    """One range test: the rate is raised at every step of the program's own loop.

    Attributes:
        lrs, losses: ``losses[i]`` is the first loss after the step that was made with ``lrs[i]``, the mean
            over the backward passes of one step. Rates are those of the largest group.
        first_loss: Before any step, at the weights the program starts from.
        ratios: Rate of each group over the largest, as the program set them; kept during the sweep.
        planned: Steps the sweep was to have.
        ended: "done", "diverged", "ended" (the program came to its end first), "time", or "refused".
        reason: Why it was refused, else None.
        optimizers: Optimizers whose rates were raised together.
        served_again: Passes over a training loader that were added, as the program made too few.
        scheduled: Whether schedulers were held still.
        startup: Seconds until the first step was made, ``seconds`` all.
        trials: Runs of the program that check what the curve suggests.
    """

    phase: int
    lrs: tuple[float, ...]
    losses: tuple[float, ...]
    first_loss: float | None = None
    ratios: tuple[float, ...] = ()
    planned: int = 0
    ended: str = "done"
    reason: str | None = None
    optimizers: int = 1
    served_again: int = 0
    scheduled: bool = False
    startup: float = 0.0
    seconds: float = 0.0
    trials: tuple[LrTrialFact, ...] = ()
