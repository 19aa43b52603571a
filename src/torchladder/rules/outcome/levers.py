"""What to reach for in each state of a logged run, the cheapest first, with what it costs."""

from dataclasses import dataclass

from torchladder.core.log_facts import LogFact
from torchladder.rules.outcome.log_course import LogCourse
from torchladder.rules.outcome.log_shape import place_words

FALLEN = 0.1  # of its highest value: a rate that is below it has been taken back
NOTHING, MINUTES, PART, RUN, RUNS, DAYS = (
    "costs nothing", "minutes", "part of a run", "one run", "a run each", "days",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lever:
    """An intervention in the imperative, and what it costs."""

    what: str
    cost: str

    def __str__(self) -> str:
        """Return both."""
        return f"{self.what} ({self.cost})"


def levers(found: LogCourse, log: LogFact) -> tuple[Lever, ...]:
    """Return up to three levers for a state, the one to reach for first leading."""
    best = f"{found.unit} {place_words(found.best_x)}"
    since = f"{found.unit} {place_words(found.since)}"
    if found.state == "plateau":
        return plateau_levers(found, log, since)
    places = log.held.xs if log.held is not None else ()  # none where no value was a number
    late = bool(places) and found.best_x is not None and found.best_x >= places[-1]
    stop = f"stop at {since}: nothing was gained after" if late else f"stop at {best} and keep its state"
    table = {
        "overfitting": (
            Lever(stop, NOTHING),
            Lever("augment the data, then add weight decay or dropout", RUNS),
            Lever("collect more data, or take a smaller model", DAYS),
        ),
        "underfitting": (
            Lever("train longer or at a higher rate; `torchladder lr SCRIPT` finds the rate", MINUTES),
            Lever("take regularisation and augmentation away", RUN),
            Lever("widen or deepen the model", RUN),
        ),
        "not-learning": (
            Lever("look for what is wired wrongly: `torchladder climb SCRIPT`", MINUTES),
            Lever("fit one batch: `torchladder overfit SCRIPT`", MINUTES),
            Lever("look at inputs and labels as pairs", MINUTES),
        ),
        "diverged": (
            Lever(f"go on from the state before {since} at a third of the learning rate", PART),
            Lever("warm the rate up, and clip gradients by their global norm", RUN),
            Lever("trace the first NaN: `torchladder watch --nonfinite exact SCRIPT`", RUN),
        ),
        "oscillating": (
            Lever("divide the learning rate by three, or let it decay", RUN),
            Lever("take larger batches, or accumulate gradients", RUN),
            Lever("shuffle the training data", RUN),
        ),
        "too-good": (
            Lever("look for copies and leaks between the sides: `torchladder data check TRAIN VAL`", MINUTES),
            Lever("leave out the most telling input and train again", RUN),
        ),
        "still-improving": (Lever("train on from the last state", PART),),
    }
    return table.get(found.state, ())


def plateau_levers(found: LogCourse, log: LogFact, since: str) -> tuple[Lever, ...]:
    """Return what to do about a stand; a rate that had been taken back by then is named."""
    first = Lever("raise the learning rate, or let it decay later", RUN)
    rates = log.lrs
    if rates is not None and rates.values and found.since is not None:
        then = next((v for x, v in zip(rates.xs, rates.values, strict=True) if x >= found.since), rates.values[-1])
        if then < FALLEN * max(rates.values):
            first = Lever(f"let the learning rate decay later: it was down to {then:.2g} by {since}", RUN)
    return (first, Lever("widen or deepen the model", RUN), Lever(f"end such runs at {since}", NOTHING))
