"""TensorBoard: event files in a folder a run, written with tensorboard's own record format; TensorFlow is not imported.

One event holds all the scalars of a step or sample. Runs under one folder are compared by pointing TensorBoard at it.
"""

import itertools
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart
from torchladder.integrations.pace import Pace, told

FLUSH_S = 2.0  # between two flushes: what TensorBoard cannot see yet, and what a kill may lose
VERSION = "brain.Event:2"  # of the format; the first event of every file says it


class TensorBoard:
    """Writes one run into ``folder/<run id>``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pace = Pace()
        self._records: Any = None
        self._flushed = 0.0

    def started(self, run: RunStart) -> None:
        """Open the run's event file."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder = self.folder / run.id
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.torchladder"
        self._records = RecordWriter((folder / name).open("ab"))
        self._records.write(Event(wall_time=time.time(), file_version=VERSION).SerializeToString())
        self._records.flush()

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Write scalars."""
        for step, values in self._pace.thin(rows):
            self._scalars(step, values)

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Write the sample's scalars; "gradient/layer.weight" is in the group "gradient"."""
        self._scalars(step, values)

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Write a histogram; TensorBoard wants a bucket's upper edge, and sums, here those of the buckets' middles."""
        from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

        middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
        pairs = list(zip(middles, counts, strict=True))
        histogram = HistogramProto(
            min=edges[0],
            max=edges[-1],
            num=sum(counts),
            sum=sum(m * c for m, c in pairs),
            sum_squares=sum(m * m * c for m, c in pairs),
            bucket_limit=list(edges[1:]),
            bucket=list(counts),
        )
        self._write(step, [Summary.Value(tag=name, histo=histogram)])

    def alert(self, step: int, finding: Finding) -> None:
        """Write a finding as text, under its rule's name."""
        self._text(step, f"alerts/{finding.name}", told(finding))

    def ended(self, end: RunEnd) -> None:
        """Write the verdict, and close."""
        for step, values in self._pace.rest():
            self._scalars(step, values)
        self._text(end.steps, "verdict", f"{end.state}: {end.verdict}")
        self._records.close()

    def _scalars(self, step: int, values: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._write(step, [Summary.Value(tag=name, simple_value=_single(value)) for name, value in values.items()])

    def _text(self, step: int, tag: str, text: str) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

        tensor = TensorProto(
            dtype="DT_STRING",
            string_val=[text.encode("utf-8", "replace")],
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        )
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        self._write(step, [Summary.Value(tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor)])

    def _write(self, step: int, values: list[Any]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        now = time.time()
        self._records.write(Event(wall_time=now, step=step, summary=Summary(value=values)).SerializeToString())
        if now - self._flushed > FLUSH_S:
            self._records.flush()
            self._flushed = now


def _single(value: float) -> float:
    """Return a number that fits TensorBoard's 32 bits: what is too large for them is infinite there."""
    import numpy as np

    with np.errstate(over="ignore"):
        return float(np.float32(value))
