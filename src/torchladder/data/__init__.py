"""Questions asked of samples as arrays: NumPy in, figures out, no torch and no program."""
