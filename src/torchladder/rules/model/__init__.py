"""Rules about what is wrong with the network and its graph."""
