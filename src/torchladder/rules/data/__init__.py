"""Rules about what is wrong with inputs and targets."""
