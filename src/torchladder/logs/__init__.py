"""Logs of training runs as users have them: files and folders in, typed curves out. Never imports torch."""
