"""Rules judge: pure functions of facts, one file each, without torch."""
