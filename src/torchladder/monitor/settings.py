"""How closely a run is watched."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user can choose.

    Attributes:
        overhead: Share of the run's time that the monitor may take; sampling is thinned out to keep it.
        dense_steps: First steps that are all sampled, whatever they cost.
        every: Steps between two samples later on, budget permitting; ``close`` the same after an alert.
        activations: Whether the outputs of layers are measured at sampled steps.
        histograms: Steps between two histograms of weights and gradients, 0 for none.
        stop_on: Codes or names of rules at which the training is stopped.
        nonfinite: Whether the first NaN or Inf is traced to its origin; ``exact`` waits for the device once a step
            for it, where that is not the CPU.
    """

    overhead: float = 0.01
    dense_steps: int = 10
    every: int = 50
    close: int = 5
    activations: bool = True
    histograms: int = 0
    stop_on: tuple[str, ...] = ()
    nonfinite: bool = True
    exact: bool = False
