"""Sanity checks of a user's own code, as assertions for a test suite and as a fixture of pytest."""
