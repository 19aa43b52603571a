"""Loaders on their own: how fast they are, where the time goes, and which setting to change first."""
