"""Gradients that people write: checked against differences of the function's own values, in float64.

One random direction for each parameter and input says whether its gradient is right; only where it is not, elements
are looked at, by halving. Points without a derivative (ReLU at 0, ties of a maximum) are recognised and left.
"""
