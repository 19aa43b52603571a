"""What trackers have stored, read back."""

import importlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WANDB_HEADER = 7  # bytes: mark, magic number, version
BLOCK = 32_768  # bytes of a block of W&B's log, which is LevelDB's
ROW_HEADER = struct.Struct("<IHB")  # checksum, length, kind
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def wandb_records(folder: Path) -> Iterator[Any]:
    """Yield the records of the one offline run in ``folder``."""
    protocol: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")
    (file,) = folder.glob("*.wandb")
    data, at, whole = file.read_bytes(), WANDB_HEADER, b""
    while at + ROW_HEADER.size <= len(data):
        room = BLOCK - at % BLOCK
        if room < ROW_HEADER.size:
            at += room
            continue
        _, length, kind = ROW_HEADER.unpack_from(data, at)
        if kind == 0:
            break
        at += ROW_HEADER.size
        whole = (b"" if kind in {FULL, FIRST} else whole) + data[at : at + length]
        at += length
        if kind in {FULL, LAST}:
            record = protocol.Record()
            record.ParseFromString(whole)
            yield record


def wandb_history(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of an offline run."""
    return [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in wandb_records(folder)
        if record.WhichOneof("record_type") == "history"
    ]


def tensorboard_events(folder: Path) -> Any:
    """Return what TensorBoard's own reader sees in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    read.Reload()
    return read
