"""From the curves of a log to a report: state, what to reach for first, where to stop, what going on would give."""
