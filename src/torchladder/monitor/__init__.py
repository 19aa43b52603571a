"""Keeps an eye on a live run, in its own process and at next to no cost.

Called ``monitor`` and not ``watch``: ``torchladder.watch`` is the function that people call.
"""
