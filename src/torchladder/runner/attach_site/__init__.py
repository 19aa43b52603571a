"""Not imported: a folder for ``PYTHONPATH``, a package only so that it is installed."""
