"""Rules about the way of the data to the training: what steps wait for."""
