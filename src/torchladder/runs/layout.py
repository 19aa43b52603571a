"""Where a record's files are: one folder a run, and the index beside the folder of all of them."""

from pathlib import Path

SCHEMA = 1
RECORD = "run.json"
METRICS = "metrics.jsonl"
RING = "last-steps.bin"
SAMPLES = "samples.jsonl"
ALERTS = "alerts.jsonl"
HISTOGRAMS = "histograms.jsonl"
PROVENANCE = "provenance.json"
PROCESS = "process.json"
DIFF = "code.diff"
PARAMETERS = "parameters.jsonl"
NOTES = "notes"


def index_of(base: Path) -> Path:
    """Return the index over the runs in ``base``: ``.torchladder/runs.sqlite`` for ``.torchladder/runs``."""
    return base.with_name(base.name + ".sqlite")
