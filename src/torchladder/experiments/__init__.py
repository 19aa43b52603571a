"""Experiments change what the program sees or does: the same batch for ever, or a fix in memory.

One file a change; each has ``apply(session, args)``, called before the program starts.
"""
