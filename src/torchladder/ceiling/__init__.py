"""Ceiling analysis: what a pipeline would reach if one stage of it, or all up to it, gave the right answer."""
