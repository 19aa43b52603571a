"""Report prints: pure functions of a Report, without torch."""
