"""What came of a run that is wired correctly, and whether it can be repeated."""
