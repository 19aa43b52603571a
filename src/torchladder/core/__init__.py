"""Core says what things are: frozen data and errors, standard library only."""
