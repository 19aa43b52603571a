"""Several processes that train together are compared, without a bit or a wait of theirs changed."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from tests.neutrality.eye import TOGETHER, label
from tests.rules.planting import recorded
from torchladder.monitor.ranks import post as post_module
from torchladder.monitor.ranks.checksum import of_batch, of_weights
from torchladder.monitor.ranks.post import Post
from torchladder.monitor.ranks.replica import Replica
from torchladder.monitor.ranks.row import BUCKETS, CHANNELS, NOTHING, SIZE, Flag, Row, folded, unpack
from torchladder.monitor.ranks.table import Table

PROGRAM = Path(__file__).parent / "programs/together.py"
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
PATIENCE_S = 240


def row(rank: int = 0, **changed: Any) -> Row:
    """Return the row of a process that is as it has to be, with what the test changes about it."""
    usual: dict[str, Any] = {
        "rank": rank, "step": 4, "phase": 0, "flags": int(Flag.DDP | Flag.GRADIENTS), "group": 7, "tensors": 3,
        "input_rows": 32, "gradients": 5, "inputs": 11 + rank, "norm": 2.0, "total": 1.0, "unused": 0,
        "first_unused": NOTHING, "norm_layer": NOTHING, "norm_rows": 0, "norm_values": 0, "spare": 0,
        "weights": folded([1, 2, 3]), "means": (0.0,) * CHANNELS, "stds": (0.0,) * CHANNELS,
    }  # fmt: skip
    return Row(**(usual | changed))


def table(world: int = 2) -> Table:
    """Return a table for a model of three parameters."""
    named = [(name, torch.zeros(1)) for name in ("a", "b", "c")]
    made = Table(world)
    made.replicas[0] = Replica(None, "DistributedDataParallel", named, Flag.DDP, 7, world)
    return made


# --- rows and checksums ---------------------------------------------------------------------------


def test_rows_come_back_as_they_were() -> None:
    """A few hundred bytes each, one behind the other; one that is cut short is left out."""
    rows = [row(0), row(1, weights=tuple(range(BUCKETS)), means=(0.5,) * CHANNELS)]
    data = b"".join(r.pack() for r in rows)

    assert rows == unpack(data)
    assert rows == unpack(data + b"cut short")
    assert SIZE < 300


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (5, 7), (2, 3, 4, 4)])
def test_equal_bits_give_equal_checksums(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Whatever the dtype, the shape, the strides and the place in memory."""
    t = (torch.rand(shape) * 100).to(dtype)
    shifted = torch.cat([t.reshape(-1)[:1], t.reshape(-1)])[1:].reshape(shape)
    other = t.clone()
    other.view(-1)[-1] += 1

    assert of_weights(t) == of_weights(t.clone()) == of_weights(shifted)
    assert of_weights(t) != of_weights(other)
    assert of_batch(t) == of_batch(t.clone())
    assert of_batch(t) != of_batch(other)


def test_weights_in_another_layout_are_read_where_they_lie() -> None:
    """Channels last, transposed."""
    t = torch.randn(4, 3, 8, 8)

    for other in (t.to(memory_format=torch.channels_last), t.transpose(0, 1)):
        assert of_weights(other) == of_weights(other.clone(memory_format=torch.preserve_format))


def test_a_batch_in_another_order_has_another_checksum() -> None:
    """Rows of ones and zeros have equal sums in any order."""
    t = torch.eye(16)

    assert of_batch(t) != of_batch(t.flip(0))
    assert of_batch(t == 1) != of_batch(t.flip(0) == 1)


# --- what the first process makes of them ---------------------------------------------------------


def test_the_parameter_that_differs_is_named() -> None:
    """And the process that has it."""
    made = table(3)
    made.add([row(0), row(1), row(2, weights=folded([1, 9, 3]), total=1.4)])

    (found,) = made.rounds
    assert (2, ("b",), 2) == (found.weights, found.differing, found.odd_rank)
    assert found.apart == pytest.approx(0.2)
    assert (3, 3) == (found.inputs, found.ranks)


def test_only_equal_steps_of_one_group_are_compared() -> None:
    """A process that is elsewhere, or trains another model, says nothing about this one."""
    made = table(4)
    made.add([row(0), row(1, step=5), row(2, group=8), row(3, tensors=9)])

    assert made.rounds == []


def test_what_is_remembered_stays_small() -> None:
    """The first rounds and the latest."""
    made = table()
    for step in range(500):
        made.add([row(0, step=step), row(1, step=step)])

    assert len(made.rounds) <= 64
    assert [0, 499] == [made.rounds[0].step, made.rounds[-1].step]


# --- the store ------------------------------------------------------------------------------------


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve a store where the environment says that the processes meet."""
    made = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # type: ignore[attr-defined]
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(made.port))
    return made


def closed(posts: list[Post]) -> None:
    """Close the posts of several processes, the first one last."""
    for post in reversed(posts):
        post.close()


def test_the_first_process_reads_what_the_others_left(store: Any) -> None:
    """One message for a row and one for the leave; a look and a read, however many processes there are."""
    posts = [Post(rank, 8, prefix="here") for rank in range(8)]
    for post in posts:
        post.send("0/0", row(post.rank).pack)
    closed(posts)

    (rows,) = posts[0].arrived
    assert list(range(8)) == sorted(r.rank for r in rows)
    assert [2] * 7 == [p.messages for p in posts[1:]]
    assert posts[0].failure is None


def test_a_process_that_has_gone_costs_its_own_row(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are compared all the same, and nobody waits longer than the end's few seconds."""
    monkeypatch.setattr(post_module, "LAST_WAIT_S", 0.3)
    posts = [Post(rank, 3, prefix="gone") for rank in range(2)]
    for post in posts:
        post.send("0/0", row(post.rank).pack)
    began = time.monotonic()
    closed(posts)

    assert time.monotonic() - began < 2
    assert [0, 1] == sorted(r.rank for r in posts[0].arrived[0])


def test_old_rows_are_cleared_from_the_store(store: Any) -> None:
    """A run of a million steps leaves a handful of keys."""
    one = Post(0, 1, prefix="long")
    for step in range(30):
        one.send(f"0/{step}", row(step=step).pack)
        while len(one.arrived) <= step:
            time.sleep(0.01)
    one.close()

    assert not store.check(["long/0/0"])
    assert store.check(["long/0/29"])


def test_a_store_that_never_answers_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handing over a row is all that the training's thread does."""
    monkeypatch.setattr(post_module, "PATIENCE_S", 0.5)
    monkeypatch.setattr(post_module, "LAST_WAIT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
        monkeypatch.setenv("MASTER_PORT", str(deaf.getsockname()[1]))
        post = Post(0, 2)
        began = time.monotonic()
        for step in range(100):
            post.send(f"0/{step}", row().pack)
        sent = time.monotonic() - began
        post.close()

    assert sent < 0.2
    assert time.monotonic() - began < 5


# --- whole programs -------------------------------------------------------------------------------


def run(folder: Path, program: str, ranks: int, *words: str) -> tuple[list[str], str]:
    """Run a program by several processes; return its printed lines in order, and what it said beside."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, *LAUNCH, str(ranks), program, *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return sorted(line for line in done.stdout.replace("rank", "\nrank").splitlines() if line.strip()), done.stderr


def trained(folder: Path, how: str, ranks: int, *, watched: bool = True) -> tuple[list[str], str]:
    """Run the program of this test in one of its ways."""
    return run(folder, str(PROGRAM), ranks, how, "watched" if watched else "bare")


def names(folder: Path) -> list[str]:
    """Return the rules that the run's record names."""
    return [f.name for f in recorded(folder)]


@pytest.mark.slow
@pytest.mark.parametrize(("how", "ranks"), [("ddp", 2), ("ddp", 4), ("apart", 2), ("fsdp2", 2), ("hidden", 2)])
def test_watched_processes_compute_the_same_bits(how: str, ranks: int, tmp_path: Path) -> None:
    """Weights, buffers, optimizer state and random numbers of every process."""
    watched, _ = trained(tmp_path / "watched", how, ranks)
    bare, _ = trained(tmp_path / "bare", how, ranks, watched=False)

    assert bare == watched
    assert len(bare) == ranks


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what two processes compute whose monitor is to fail."""
    return trained(tmp_path_factory.mktemp("bare"), "ddp", 2, watched=False)[0]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(len(TOGETHER)), ids=[label(part) for part in TOGETHER])
def test_a_comparison_that_fails_at_random_changes_nothing(part: int, undisturbed: list[str], tmp_path: Path) -> None:
    """The processes train on to the same bits, and none waits for another in vain."""
    eye = Path(__file__).parents[1] / "neutrality/eye.py"
    found, _ = run(tmp_path, str(eye), 2, f"together{part}", str(PROGRAM), "ddp", "bare")

    assert undisturbed == [line for line in found if line.startswith("rank")]
    assert "".join(found).count("doors True") == 2


@pytest.mark.slow
def test_the_first_process_alone_speaks_and_keeps_a_record(tmp_path: Path) -> None:
    """One record and one verdict, however many processes there are."""
    _, said = trained(tmp_path, "ddp", 2)

    assert said.count("nothing alarming was seen") == 1
    assert len(list((tmp_path / ".torchladder/runs").glob("*/run.json"))) == 1
    assert names(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(("how", "ranks"), [("fsdp1", 2), ("fsdp2", 2), ("pairs", 4), ("slices", 2)])
def test_unusual_but_right_is_left_alone(how: str, ranks: int, tmp_path: Path) -> None:
    """Weights that are spread out, two models at once, batches that the program cuts up itself."""
    _, said = trained(tmp_path, how, ranks)

    assert names(tmp_path) == []
    assert "not watched" not in said


@pytest.mark.slow
def test_a_head_that_is_never_called_is_remarked(tmp_path: Path) -> None:
    """The option of the wrapper keeps the training going, and hides the head."""
    trained(tmp_path, "hidden", 2)

    assert names(tmp_path) == ["unused-parameters"]


def alone(folder: Path, how: str, falls_out: int | None) -> list[subprocess.Popen[str]]:
    """Start two processes without a launcher that would end one when the other has gone."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    env = {**os.environ, "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    if falls_out is not None:
        env["FALLS_OUT"] = str(falls_out)
    return [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), how, "watched"],
            cwd=folder,
            env=env | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]


@contextlib.contextmanager
def ended(started: list[subprocess.Popen[str]]) -> Iterator[list[tuple[int, str]]]:
    """Wait for processes and give their exit statuses and words; whatever still runs is ended."""
    try:
        yield [(p.wait(), text) for p in started for text in [p.communicate(timeout=PATIENCE_S)[0]]]
    finally:
        for p in started:
            p.kill()


@pytest.mark.slow
@pytest.mark.parametrize("gone", [0, 1])
def test_who_needs_nobody_goes_on_when_another_process_falls_out(gone: int, tmp_path: Path) -> None:
    """Even when it was the one that serves the store: the training ends as it would have."""
    with ended(alone(tmp_path, "apart", gone)) as found:
        assert found[gone][0] == 9
        assert found[1 - gone][0] == 0, found[1 - gone][1]
        assert f"rank {1 - gone}" in found[1 - gone][1]


@pytest.mark.slow
@pytest.mark.parametrize("gone", [0, 1])
def test_who_averages_gradients_fails_at_once_when_another_process_falls_out(gone: int, tmp_path: Path) -> None:
    """As without us: the collective raises, and the process ends; our end does not hold it up."""
    with ended(alone(tmp_path, "ddp", gone)) as found:
        assert found[gone][0] == 9
        assert found[1 - gone][0] == 1
        assert "Connection" in found[1 - gone][1] or "gloo" in found[1 - gone][1]
