"""The command line: parse, call, exit status; one file per verb, imported when used."""
