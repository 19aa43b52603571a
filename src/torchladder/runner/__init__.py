"""Runner: the user's program as Python would run it, once per experiment, leaving no trace."""
