"""Records of runs: a folder of plain files each, and an index over them; read without torch."""
