"""Ablations: a baseline, one thing changed at a time, several seeds, and whether the difference is more than noise."""
