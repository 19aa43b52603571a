"""Writing the right split of a data set: what belongs together stays on one side."""
