"""The thresholds by which the course of a log is judged, in one place."""

import dataclasses
import math
import random
from dataclasses import dataclass

WIDTH = 0.2  # standard deviation of the logarithm by which limits are moved for the confidence


@dataclass(frozen=True, slots=True)
class LogLimits:
    """Thresholds; each is moved at random for the confidence."""

    grew: float = 3.0  # times the first loss and the best one
    collapsed: float = 2.0  # times the best loss, for good
    back: float = 0.25  # share of the start by which it rose again
    learned: float = 0.025  # relative fall of a loss below which nothing was learned
    slow: float = 0.01  # relative fall from which on a steady one is a slow one
    memorised: float = 0.06  # the same where the held-out loss did not fall at all
    chance: float = 0.03  # relative distance from ln K, or R2
    turned: float = 1.1  # the last held-out loss against the best one
    noises: float = 2.5  # standard deviations of single points that a turn must be above
    least: float = 0.08  # share of the start below which a turn is about nothing
    ratio: float = 0.75  # training loss over held-out loss below which both are apart
    far: float = 0.36  # the same, far apart without a turn
    gap: float = 0.22  # share of the start that lies between them then
    gap_score: float = 0.09  # the same of scores, as a share of the samples
    spread: float = 0.25  # of late means that counts as swinging
    spread_held: float = 0.29  # the same of held-out means, which a small set moves, too
    turns: float = 0.4  # share of steps at which late means turn
    high: float = 0.15  # share of the start above which swinging matters
    high_held: float = 0.1  # the same of held-out means: no noise of batches is among them
    poor: float = 0.65  # share of the start that is left: the fit is poor
    poor_score: float = 0.8  # the same of what a score lacks to the best there is
    stuck: float = 0.68  # the same for a curve that stands still: noise no model can predict may be half of it
    stuck_dead: float = 0.5  # the same where held-out losses do not move at all
    dead: float = 0.003  # relative span of late held-out losses that is no movement
    moved_least: float = 0.1  # share of the start below which a fall before a stand is none
    frequencies: float = 0.8  # share of the start that is left when only the answers' frequencies were learned
    still: float = 0.03  # relative change over the last two fifths that counts as none
    close: float = 0.2  # relative distance within which both losses are alike
    right: float = 0.93  # share right above which no fit is poor
    steep: float = 0.1  # share of the whole fall made in the last fifth: it has not slowed down
    far_to_go: float = 0.27  # share of the start that is left where a steep end matters
    perfect: float = 0.006  # share of the start that the held-out loss is below
    samples: float = 100.0  # held-out samples, as far as steps of the score tell: all of fewer may be easy
    early: float = 0.34  # share of the run by which it was perfect

    def moved(self, draw: random.Random) -> "LogLimits":
        """Return limits that are each moved by a random factor."""
        made = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name, value in made.items():
            factor = math.exp(draw.gauss(0.0, WIDTH))
            made[name] = 1 + (value - 1) * factor if name == "turned" else value * factor
        return LogLimits(**made)
