"""The ladder asks in order: what is run, in which order, when to stop, and what it means."""
