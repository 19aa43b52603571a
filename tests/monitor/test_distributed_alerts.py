"""What any process finds is told by the first, once; and all stop together."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist

from tests.rules.planting import recorded
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity
from torchladder.monitor.courier import Courier
from torchladder.monitor.monitor import Monitor
from torchladder.monitor.ranks import notices as notices_module
from torchladder.monitor.ranks import post as post_module
from torchladder.monitor.ranks.gathered import Gathered
from torchladder.monitor.ranks.notice import BYTES_MAX, Notice, unpack
from torchladder.monitor.ranks.post import Post
from torchladder.monitor.ranks.ranks import Ranks
from torchladder.monitor.ranks.replica import Replica
from torchladder.monitor.ranks.row import Flag
from torchladder.monitor.settings import Settings
from torchladder.monitor.stop import Stop

PROGRAM = Path(__file__).parent / "programs/one_finds.py"
PATIENCE_S = 120
DEAD = Finding(
    "TL209",
    "dead-relu",
    Severity.WARNING,
    3,
    "31 of 32 units are dead",
    where=(Place("train.py", 7),),
    seen=(Measurement("dead units", 0.97, expected="0"), Measurement("loss", float("nan"))),
    notes=("a note",),
    fixes=(Fix("lower the learning rate", change=Change("lr", {"factor": 0.1})),),
)
COURSE = dataclasses.replace(DEAD, code="TL606", name="oscillating")


# --- a notice -------------------------------------------------------------------------------------


def test_a_notice_comes_back_as_it_was() -> None:
    """Whole, or as a code alone; what lies damaged between two of them is left out."""
    sent = [Notice(3, 40, "TL209", DEAD), Notice(2, 41, "TL209")]
    data = sent[0].pack() + b'{"rank": 1\n{"rank": 1}\n[]\n' + sent[1].pack() + b'{"cut'
    read = unpack(data)

    assert ["TL209", "TL209"] == [n.code for n in read]
    assert [sent[0].finding and sent[0].finding.fixes, None] == [n.finding and n.finding.fixes for n in read]
    assert sent[1] == read[1]


@pytest.mark.parametrize("part", ["message", "notes", "name"])
def test_a_long_finding_is_cut_to_size(part: str) -> None:
    """What is said and where goes first; a code always fits."""
    endless = dataclasses.replace(DEAD, **{part: ("x" * 9000,) if part == "notes" else "x" * 9000})
    data = Notice(1, 5, "TL209", endless).pack()
    (read,) = unpack(data)

    assert len(data) <= BYTES_MAX
    assert read.code == "TL209"
    assert (part == "name") == (read.finding is None)


# --- what the first process makes of them ---------------------------------------------------------


def gathered(world: int = 4) -> Gathered:
    """Return what the first of ``world`` processes has gathered: nothing yet."""
    made = Gathered()
    made.world = world
    return made


def test_what_one_other_process_has_is_told_with_its_number() -> None:
    """At the step at which that one found it."""
    made = gathered()

    assert [(7, DEAD)] == made.others([Notice(3, 7, "TL209", DEAD)])
    assert made.who("TL209") == "on process 3 of 4"
    assert made.noted(DEAD).notes == ("a note", "seen on process 3 of 4")


def test_the_same_on_several_processes_is_told_once() -> None:
    """Whether it comes together or bit by bit, from the first itself or from others."""
    made = gathered()

    assert len(made.others([Notice(3, 7, "TL209", DEAD), Notice(1, 8, "TL209")])) == 1
    assert made.who("TL209") == "on processes 1 and 3 of 4"
    assert made.grown() == []
    assert made.others([Notice(2, 9, "TL209", DEAD)]) == []
    assert not made.own(9, DEAD)
    assert made.who("TL209") == "on all 4 processes"
    assert made.grown() == ["TL209"]


def test_what_the_first_process_has_alone_needs_no_words() -> None:
    """As in a program of one process."""
    made = gathered()

    assert made.own(9, DEAD)
    assert (made.who("TL209"), made.noted(DEAD), made.grown()) == ("", DEAD, [])


def test_many_processes_are_counted() -> None:
    """A line names at most a handful."""
    made = gathered(1000)
    made.others([Notice(rank, 7, "TL209", DEAD) for rank in range(1, 700)])

    assert made.who("TL209") == "on 699 of 1000 processes"


def test_a_code_alone_waits_for_the_finding() -> None:
    """The process that told it in full may be behind."""
    made = gathered()

    assert made.others([Notice(3, 7, "TL209")]) == []
    assert [f for _, f in made.others([Notice(2, 8, "TL209", DEAD)])] == [DEAD]


def test_a_course_is_told_once_most_processes_share_it() -> None:
    """The loss of one share of the data is noisier than the run's."""
    made = gathered()

    assert made.others([Notice(1, 7, "TL606", COURSE), Notice(2, 7, "TL606", COURSE)]) == []
    assert made.others([Notice(3, 7, "TL606", COURSE)]) == [(7, COURSE)]
    assert gathered().own(7, COURSE)


def test_what_a_told_finding_explains_is_not_told() -> None:
    """Across processes as within one."""
    cause, symptom = (dataclasses.replace(DEAD, code=code) for code in ("TL212", "TL306"))
    made = gathered()
    explains = "TL306" in _rule("TL212").explains
    made.own(1, cause)

    assert explains
    assert made.others([Notice(1, 2, "TL306", symptom)]) == []


def _rule(code: str) -> Any:
    from torchladder.rules.registry import find_rule

    return find_rule(code)


# --- over the store -------------------------------------------------------------------------------


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve a store where the environment says that the processes meet; looks are quick."""
    made = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # type: ignore[attr-defined]
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(made.port))
    monkeypatch.setattr(notices_module, "EVERY_S", 0.02)
    monkeypatch.setattr(notices_module, "STOPPING_S", 0.02)
    monkeypatch.setattr(notices_module, "SETTLE_S", 0.02)
    return made


def until(what: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + 10
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_first_process_hears_while_all_train(store: Any) -> None:
    """Nobody has to come to an end, and nobody to a round."""
    first, other = (Post(rank, 2, prefix="live") for rank in range(2))
    first.expect("0/0")
    other.tell(7, DEAD)
    until(lambda: first.notices.heard)

    heard = first.notices.heard.popleft()
    assert (1, 7, "TL209") == (heard.rank, heard.step, heard.code)
    assert heard.finding is not None
    other.close()
    first.close()


def test_what_is_told_last_is_heard_at_the_end(store: Any) -> None:
    """The first process waits until the others have left, and no longer."""
    posts = [Post(rank, 3, prefix="last") for rank in range(3)]
    posts[0].expect("0/0")
    for post in posts[1:]:
        post.tell(9, DEAD)
        post.close()
    began = time.monotonic()
    posts[0].close()

    assert sorted(n.rank for n in posts[0].notices.heard) == [1, 2]
    assert time.monotonic() - began < 2


def test_many_processes_with_the_same_finding_send_little(store: Any) -> None:
    """A few tell it whole, and the rest its code."""
    posts = [Post(rank, 9, prefix="many") for rank in range(9)]
    posts[0].expect("0/0")
    for post in posts[1:]:
        post.tell(9, DEAD)
        post.close()
    posts[0].close()

    assert len(posts[0].notices.heard) == 8
    assert sum(n.finding is not None for n in posts[0].notices.heard) == notices_module.IN_FULL
    assert sum(p.notices.bytes_sent for p in posts) < 4 * len(Notice(1, 9, "TL209", DEAD).pack())


def test_a_process_that_fell_out_costs_the_end_a_moment(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had told is heard, and its leave is waited for no longer than the limit."""
    monkeypatch.setattr(post_module, "LAST_WAIT_S", 0.3)
    first, other = (Post(rank, 3, prefix="dead") for rank in range(2))
    first.expect("0/0")
    other.tell(7, DEAD)
    until(lambda: store.check(["dead/count"]))
    began = time.monotonic()
    first.close()

    assert [n.rank for n in first.notices.heard] == [1]
    assert time.monotonic() - began < 2
    other.close()


def test_a_broken_off_training_hardly_waits(store: Any) -> None:
    """Half a second, for what another process may have to say about it."""
    first = Post(0, 2, prefix="broken")
    first.expect("0/0")
    began = time.monotonic()
    first.close(well=False)

    assert time.monotonic() - began < 2


def test_what_nobody_fetches_is_given_out_by_the_thread(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process may be held up for ever in averaging gradients, and that is when it is needed most."""
    monkeypatch.setattr(notices_module, "OVERDUE_S", 0.05)
    first, other = (Post(rank, 2, prefix="held") for rank in range(2))
    given: list[Notice] = []
    first.notices.overdue = lambda: given.append(first.notices.heard.popleft())
    first.expect("0/0")
    other.tell(7, DEAD)
    until(lambda: given)

    assert given[0].code == "TL209"
    other.close()
    first.close()


def together(world: int, prefix: str) -> tuple[list[Ranks], list[list[int]]]:
    """Return the parts of several processes, and the steps after which each left."""
    parts, left = [], []
    for rank in range(world):
        part, steps = Ranks(), list[int]()
        part.leave = steps.append
        part.post = Post(rank, world, prefix=prefix)
        part.post.notices.stopping = True
        part.post.expect("0/0")
        parts.append(part)
        left.append(steps)
    return parts, left


def agreed(parts: list[Ranks]) -> list[int | None]:
    """Return the step after which each process knows it is to leave."""
    return [part.post.notices.stop_at for part in parts if part.post is not None]


def test_all_leave_after_the_step_that_the_first_names(store: Any) -> None:
    """Each comes to it in its own time, and none leaves before."""
    parts, left = together(3, "stop")
    for step in range(20):
        for part in parts:
            part.after_step(0, step, ())
        time.sleep(0.002)
    assert all(part.stop_together() for part in parts[1:])
    assert [None] * 3 == agreed(parts)  # the first has to be told of the finding
    parts[0].stop_together()
    at = agreed(parts)[0]
    assert at is not None
    until(lambda: [at] * 3 == agreed(parts))
    for step in range(20, at):
        for part in parts:
            part.after_step(0, step, ())

    assert at >= 20 + 0.1 / 0.05
    assert [[at]] * 3 == left
    others = [threading.Thread(target=part.close) for part in parts[1:]]
    for thread in others:
        thread.start()
    began = time.monotonic()
    parts[0].end(well=False)
    parts[0].close()
    for thread in others:
        thread.join()

    assert time.monotonic() - began < 3
    assert all(p.post and p.post.failure is None for p in parts)


def test_pauses_do_not_make_steps_long() -> None:
    """A stop is announced far enough ahead though the latest steps had an evaluation between them."""
    part = Ranks()
    part._ended.extend([0.0, 0.1, 0.2, 60.2, 60.3, 60.4, 60.5, 60.6])

    assert part._seconds_a_step() == pytest.approx(0.1)


def test_alone_there_is_nobody_to_agree_with() -> None:
    """A program of one process stops at once."""
    assert not Ranks().stop_together()


@pytest.mark.parametrize("flag", [Flag.SHARDED, Flag.FSDP])
def test_spread_out_weights_are_not_gathered_at_a_stop(flag: Flag, tmp_path: Path) -> None:
    """For that all processes would have to take part, and they are leaving."""
    monitor = Monitor(Settings(), Courier(), lambda _step, _finding: None)
    monitor.ranks.replicas[0] = Replica(None, None, [], flag, 0, 2)
    stop = Stop(monitor, ("TL209",), tmp_path)
    stop.consider(7, DEAD, "on process 1 of 2")

    assert "stopped at step 7 by TL209 dead-relu on process 1 of 2; weights that are spread" in str(monitor.leaving)
    assert list(tmp_path.iterdir()) == []


# --- whole programs -------------------------------------------------------------------------------


def trained(folder: Path, *words: str, world: int = 2, launched: bool = False) -> list[tuple[int, str]]:
    """Run the program by several processes, and return the exit status and the words of each."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    if launched:
        launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world))
        commands = [([sys.executable, *launch, str(PROGRAM), *words], env)]
    else:
        with socket.create_server(("127.0.0.1", 0)) as free:
            env |= {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
        commands = [([sys.executable, str(PROGRAM), *words], env | {"RANK": str(rank)}) for rank in range(world)]
    started = [
        subprocess.Popen(c, cwd=folder, env=e, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for c, e in commands
    ]
    try:
        words_of = [p.communicate(timeout=PATIENCE_S)[0] for p in started]
        return [(p.returncode, text) for p, text in zip(started, words_of, strict=True)]
    finally:
        for p in started:
            p.kill()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["apart", "ddp"])
def test_what_only_the_last_process_sees_is_told_by_the_first(how: str, tmp_path: Path) -> None:
    """Once, with the number of the process; it is in the record and among the findings."""
    ((status, said),) = trained(tmp_path, how, "200", launched=True)

    assert (status, said.count("error[TL306]")) == (0, 1), said
    assert "on process 1 of 2" in said
    assert "rank 0 found ['TL306']" in said
    assert ["TL306"] == [f.code for f in recorded(tmp_path)]
    (record,) = tmp_path.glob(".torchladder/runs/*/run.json")
    assert [["seen on process 1 of 2"]] == [f["notes"] for f in json.loads(record.read_text())["findings"]]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["apart", "ddp"])
def test_all_processes_stop_at_what_one_of_them_sees(how: str, tmp_path: Path) -> None:
    """After one and the same step: nobody hangs, and nobody fails in a collective."""
    (first, words), (other, rest) = trained(tmp_path, how, "3000", "TL306")

    assert (1, 1) == (first, other), words + rest
    assert "stopped at step" in words
    assert "by TL306 loss-log-of-zero on process 1 of 2; state dicts: " in words
    assert "Traceback" not in words + rest
    assert "ended" not in words + rest
    assert list(tmp_path.glob(".torchladder/runs/*/stopped.pt"))


@pytest.mark.slow
def test_the_record_of_a_stop_is_written_before_a_launcher_ends_the_rest(tmp_path: Path) -> None:
    """The first process leaves first."""
    ((status, said),) = trained(tmp_path, "ddp", "3000", "TL306", launched=True)
    (record,) = tmp_path.glob(".torchladder/runs/*/run.json")

    assert status == 1
    assert "stopped at step" in said
    assert json.loads(record.read_text())["state"] == "stopped"
