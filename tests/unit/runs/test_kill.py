"""kill -9 at any moment loses at most the step in flight."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from torchladder.runs.index import runs_in
from torchladder.runs.layout import index_of
from torchladder.runs.ring import ring_rows
from torchladder.runs.series import loss_curves

KILLS = 50
# One process forks the runs, so that no start of an interpreter is waited for. A run counts the steps it has begun in
# shared memory, which outlives it: the last of them is the step in flight.
NURSERY = """
import json, mmap, os, random, signal, struct, sys, time
from pathlib import Path
from tests.unit.runs.writing import finding, opened, start
from torchladder.runs.ring import HAS_LOSS, RECORD, place_of

base, kills = Path(sys.argv[1]), int(sys.argv[2])
chance, begun = random.Random(7), {}
for number in range(kills):
    shared = mmap.mmap(-1, 8)
    shared[:] = struct.pack("q", -1)
    child = os.fork()
    if child == 0:
        _, sinks = opened(base, start(f"run-{number:02}"))
        step, waiting = 0, []
        while True:
            shared[:] = struct.pack("q", step)
            sinks[1]._next = 0.0 if step % 50 == 0 else sinks[1]._next
            RECORD.pack_into(sinks[0].ring.notes, place_of(step), 0.1, 1 / (step + 1), 0, HAS_LOSS, step)
            waiting.append((step, {"loss": 1 / (step + 1), "lr": 0.1}))
            for sink in sinks:
                if step % 50 == 0:
                    sink.steps(waiting)
                if step % 20 == 0:
                    sink.sample(step, {f"gradient/layer.{i}": 0.1 for i in range(100)})
                if step % 100 == 0:
                    sink.alert(step, finding())
            if step % 50 == 0:
                waiting = []
            step += 1
    while struct.unpack("q", shared[:])[0] < 0:
        time.sleep(0.001)
    time.sleep(chance.random() * 0.06)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    begun[f"run-{number:02}"] = struct.unpack("q", shared[:])[0]
print(json.dumps(begun))
"""


def test_a_kill_loses_at_most_the_step_in_flight(tmp_path: Path, root: Path) -> None:
    """Every step before it is whole in the file; the index opens clean and says what became of the runs."""
    base = tmp_path / "runs"
    words = [sys.executable, "-c", NURSERY, str(base), str(KILLS)]
    begun = json.loads(subprocess.run(words, cwd=root, check=True, capture_output=True).stdout)

    for name, in_flight in begun.items():
        lines = (base / name / "metrics.jsonl").read_bytes().split(b"\n")
        written = [json.loads(line)["step"] for line in lines[:-1]]
        assert written == list(range(len(written))), "only the line in flight may be torn"
        waiting = list(ring_rows(base / name / "last-steps.bin", len(written) - 1))
        steps = written + [row["step"] for row in waiting]
        assert steps in [list(range(in_flight)), list(range(in_flight + 1))]
        assert all(row["loss"] == 1 / (row["step"] + 1) for row in waiting)
        if steps:
            assert [(steps, [1 / (step + 1) for step in steps])] == [
                (curve.steps, curve.values) for curve in loss_curves(base / name)
            ]
    found = {s.id: s for s in runs_in(base)}
    assert ["killed"] * KILLS == [found[name].state for name in sorted(begun)]
    assert all(found[name].steps in {in_flight, in_flight + 1} for name, in_flight in begun.items())
    assert sum(begun.values()) > KILLS, "the runs did run"
    with contextlib.closing(sqlite3.connect(index_of(base))) as index:
        assert [("ok",)] == index.execute("PRAGMA integrity_check").fetchall()
        assert sorted(begun) == [row[0] for row in index.execute("SELECT id FROM runs ORDER BY id")]
