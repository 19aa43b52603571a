"""What a training run needs to go on after a kill: checkpoints that survive it, and the state of every generator."""
