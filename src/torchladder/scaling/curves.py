"""A law with its numbers filled in: loss = E + sum of coefficient / size ** exponent."""

import math
from dataclasses import dataclass

from torchladder.scaling.runs import Law, NotFitted


@dataclass(frozen=True, slots=True)
class Term:
    """What one size adds to the floor: ``coefficient / size ** exponent``."""

    size: str
    coefficient: float
    exponent: float

    def at(self, size: float) -> float:
        """Return the term's share of the loss."""
        return math.exp(math.log(self.coefficient) - self.exponent * math.log(size)) if self.coefficient > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Curve:
    """One fitted law; ``floor`` is E, what remains with endless data and parameters."""

    floor: float
    terms: tuple[Term, ...]

    def loss(self, *, samples: float | None = None, parameters: float | None = None) -> float:
        """Return the loss that the law expects at these sizes; NotFitted when one that it needs is missing."""
        given = {"samples": samples, "parameters": parameters}
        total = self.floor
        for term in self.terms:
            size = given[term.size]
            if size is None or not size > 0 or not math.isfinite(size):
                msg = f"the law needs the number of {term.size}"
                raise NotFitted(msg)
            total += term.at(size)
        return total

    @property
    def law(self) -> Law:
        """The kind of law this is."""
        return Law(tuple(term.size for term in self.terms))
