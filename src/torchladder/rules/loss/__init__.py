"""Rules about what is wrong with the loss."""
