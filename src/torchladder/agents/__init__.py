"""What a coding agent is given: a server of tools that measure, and a guide."""
