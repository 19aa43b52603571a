"""The climb as people call it from Python: with a path, with live objects, with a trainer."""
