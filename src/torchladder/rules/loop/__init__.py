"""Rules about what is wrong with the optimizer and the training loop."""
