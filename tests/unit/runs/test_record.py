"""The record of a run: its five layers, in every state of git, and never a secret."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.runs.writing import finding
from torchladder.core.errors import UsageError
from torchladder.core.sinks import RunEnd
from torchladder.runs import code_state as code
from torchladder.runs import record as recording
from torchladder.runs.aside import again, options_of
from torchladder.runs.command import MASK, masked, masked_tree
from torchladder.runs.fingerprint import fingerprint
from torchladder.runs.index import runs_in
from torchladder.runs.layout import DIFF, METRICS, NOTES, PARAMETERS, PROVENANCE
from torchladder.runs.lines import rows
from torchladder.runs.provenance import gather, provenance_of

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-K7MDENG",
    "WANDB_API_KEY": "0123456789abcdef0123456789abcdef01234567",
    "HF_TOKEN": "hf_abcdefghijklmnop",
}


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=ada", "-c", "user.email=ada@x.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text("lr = 0.1\n")
    (folder / "notes.txt").write_text("hello\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def begun(base: Path, **more) -> tuple[recording.Record, Path]:
    values = {"config": {"lr": 0.1}, "data": {"sha256": "ab"}, "seed": 3, "command": ["train", "{config}"]}
    run = recording.begin("train", **{**values, **more}, folder=base, say=pytest.fail)
    assert run.folder is not None
    return run, run.folder


def test_a_record_is_a_run_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed with its steps, its loss and its verdict; its layers, checksums and notes are files beside."""
    monkeypatch.chdir(tmp_path)
    made, folder = begun(tmp_path / "runs")
    made.steps([(0, {"loss": 0.1 + 0.2, "lr": 0.1}), (1, {"loss": float("nan")})])
    made.steps([])
    made.metric(2, {"val/accuracy": 0.75})
    made.parameters(2, "abcd")
    made.note("the ladder/1", {"verdict": "clear"})
    made.end("ended", "fine")
    made.end("crashed", "said twice")

    (one,) = runs_in(tmp_path / "runs")
    assert (one.id, one.name, one.state, one.steps, one.verdict) == (made.id, "train", "ended", 2, "fine")
    written = list(rows(folder / METRICS))
    assert [row["step"] for row in written] == [0, 1, 1]
    assert written[0]["loss"] == 0.30000000000000004
    assert list(rows(folder / PARAMETERS)) == [{"step": 2, "sum": "abcd"}]
    assert json.loads((folder / NOTES / "the_ladder_1.json").read_text()) == {"verdict": "clear"}
    layers = provenance_of(folder)
    assert (layers.kind, layers.config, layers.data, layers.seed) == ("train", {"lr": 0.1}, {"sha256": "ab"}, 3)
    assert layers.command == ("train", "{config}")
    assert layers.environment.packages["torch"]


def test_a_watch_alongside_adds_what_it_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples, alerts and the cost come from the watch, the steps from the loop alone."""
    monkeypatch.chdir(tmp_path)
    made, folder = begun(tmp_path / "runs")
    eye = made.sink()
    eye.started(None)
    eye.steps([(0, {"loss": 9.0})])
    made.steps([(0, {"loss": 1.0})])
    eye.sample(0, {"weight/a": 1.0})
    eye.histogram(0, "a", [0, 1], [2])
    eye.alert(0, finding())
    eye.ended(RunEnd("ended", 1, 1.0, 0.02, "seen", (finding(),)))
    made.end("ended", "fine")

    assert [row["loss"] for row in rows(folder / METRICS)] == [1.0]
    assert {"samples.jsonl", "alerts.jsonl", "histograms.jsonl"} <= {p.name for p in folder.iterdir()}
    row = json.loads((folder / "run.json").read_text())
    assert (row["cost"], row["verdict"], len(row["findings"])) == (0.02, "fine", 1)


def test_where_nothing_can_be_written_the_run_goes_on(tmp_path: Path) -> None:
    """One sentence is said, and every call does nothing."""
    said: list[str] = []
    (tmp_path / "runs").write_text("in the way")
    made = recording.begin("train", config={}, data={}, seed=0, command=[], folder=tmp_path / "runs", say=said.append)
    made.steps([(0, {"loss": 1.0})])
    made.parameters(1, "a")
    made.note("x", 1)
    made.sink().alert(0, finding())
    made.end("ended", "")

    assert len(said) == 1
    assert said[0].startswith("no record of this run is kept")
    assert made.folder is None


def test_a_disk_that_fills_up_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that fails is dropped, and the loop hears nothing of it."""
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    made = recording.begin("train", config={}, data={}, seed=0, command=[], folder=tmp_path / "runs", say=said.append)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torchladder.runs.lines.os.write", full)
    made.steps([(0, {"loss": 1.0})])
    made.steps([(1, {"loss": 1.0})])
    made.parameters(2, "a")

    assert len(said) == 2
    assert "recorded no further" in said[0]
    assert "a part of the record is missing" in said[1]


# --- code ---------------------------------------------------------------------------------------


def test_a_clean_repository_is_its_commit(repository: Path) -> None:
    """Commit and branch, no diff, and the hash of each source file."""
    state, diff = code.code_state(repository)

    assert len(state.commit) == 40
    assert (state.branch, state.dirty, diff, list(state.sources), state.notes) == ("main", False, "", ["train.py"], ())


def test_a_dirty_repository_keeps_its_diff_as_a_file(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Applied to the commit, the diff gives the code that ran, files that git does not know among it."""
    (repository / "train.py").write_text("lr = 0.2\n")
    (repository / "new.py").write_text("x = 1\n")
    (repository / "data.bin").write_bytes(b"\0" * 100)
    monkeypatch.chdir(repository)
    made, folder = begun(repository / ".torchladder" / "runs")
    made.end("ended", "")

    layers = provenance_of(folder)
    assert layers.code.dirty
    git(repository, "stash", "-q", "-u", "--", "train.py", "new.py")
    git(repository, "apply", str(folder / DIFF))
    assert (repository / "train.py").read_text() == "lr = 0.2\n"
    assert (repository / "new.py").read_text() == "x = 1\n"
    assert "data.bin" not in (folder / DIFF).read_text()


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    """The commit is known all the same."""
    git(repository, "checkout", "-q", "--detach")

    state, _ = code.code_state(repository)

    assert state.branch is None
    assert len(state.commit) == 40


def test_before_the_first_commit_all_is_new(tmp_path: Path) -> None:
    """There is no commit, and the diff holds what was added."""
    (tmp_path / "train.py").write_text("lr = 0.1\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")

    state, diff = code.code_state(tmp_path)

    assert (state.commit, state.dirty) == (None, True)
    assert "+lr = 0.1" in diff


def test_outside_git_the_hashes_of_the_sources_are_the_code(tmp_path: Path) -> None:
    """A change of one byte is another code; what lies in hidden folders and environments is none of it."""
    (tmp_path / "train.py").write_text("a")
    for folder in (".venv", "venv", "own"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text("")
    (tmp_path / "own" / "pyvenv.cfg").write_text("")
    before, diff = code.code_state(tmp_path)
    (tmp_path / "train.py").write_text("b")
    after, _ = code.code_state(tmp_path)

    assert (before.commit, diff, list(before.sources)) == (None, "", ["train.py"])
    assert before.sha256 != after.sha256


def test_without_git_that_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sources are hashed, and one sentence says why there is no commit."""
    (tmp_path / "train.py").write_text("a")
    monkeypatch.setenv("PATH", str(tmp_path))

    state, _ = code.code_state(tmp_path)

    assert state.notes == ("git is not installed, so the commit is not known",)
    assert list(state.sources) == ["train.py"]


def test_a_huge_diff_is_cut_and_that_is_noted(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record does not grow with the user's edits."""
    monkeypatch.setattr(code, "DIFF_MAX", 500)
    (repository / "train.py").write_text("x = 1\n" * 1000)

    state, diff = code.code_state(repository)

    assert len(diff) == 500
    assert state.notes[0].startswith("the first 500 of ")


def test_files_of_secrets_are_not_in_the_diff(repository: Path) -> None:
    """A tracked .env or key that was changed stays out."""
    (repository / ".env").write_text("A=1\n")
    (repository / "server.pem").write_text("-----\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "two")
    (repository / ".env").write_text("A=hunter2\n")
    (repository / "server.pem").write_text("hunter2\n")

    _, diff = code.code_state(repository)

    assert diff == ""


def test_a_repository_s_own_programs_are_not_run(repository: Path, tmp_path: Path) -> None:
    """Reading the state of a repository runs nothing that its configuration names."""
    for key in ("core.fsmonitor", "diff.external"):
        git(repository, "config", key, f"touch {tmp_path}/ran;")
    (repository / "train.py").write_text("changed\n")

    _, diff = code.code_state(repository)

    assert "+changed" in diff
    assert not (tmp_path / "ran").exists()


def test_only_the_files_that_were_loaded_count_where_they_are_known(tmp_path: Path) -> None:
    """A new file that the program never loads does not make it another program."""
    (tmp_path / "train.py").write_text("a")
    before, _ = code.code_state(tmp_path)
    (tmp_path / "other.py").write_text("b")
    after, _ = code.code_state(tmp_path)
    loaded = [str(tmp_path.resolve() / "train.py")]

    assert before.sha256 != after.sha256
    assert before.only(loaded, configured=False).sha256 == after.only(loaded, configured=False).sha256
    assert after.only([], configured=True) == after


def test_a_file_that_may_be_a_configuration_counts_unless_that_is_recorded(tmp_path: Path) -> None:
    """A script may have read it; of a recipe everything is in the record."""
    for name in ("train.py", "config.yaml", "other.py"):
        (tmp_path / name).write_text("a")
    state, _ = code.code_state(tmp_path)
    loaded, elsewhere = [str(tmp_path.resolve() / "train.py")], ["/somewhere/else.py"]

    assert list(state.only(loaded, configured=False).sources) == ["train.py", "config.yaml"]
    assert list(state.only(loaded, configured=True).sources) == ["train.py"]
    assert state.only(elsewhere, configured=False) == state
    assert state.only(elsewhere, configured=True).sources == {}


# --- secrets ------------------------------------------------------------------------------------


def test_no_secret_comes_into_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from the environment, nor from the command line, nor from the configuration."""
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)  # a deterministic training sets it
    made, folder = begun(
        tmp_path / "runs",
        command=["train", "--token=tok-12345", "--password", "hunter2", "https://ada:hunter2@x.org/data"],
        config={"logger": {"api_key": "abc", "token": "0123456789abcdef01"}, "text_key": "content", "key": "id"},
    )
    made.end("ended", "")

    text = "".join(p.read_text(errors="replace") for p in folder.rglob("*") if p.is_file())
    assert not [
        s for s in (*SECRETS, *SECRETS.values(), "tok-12345", "hunter2", '"abc"', "0123456789abcdef01") if s in text
    ]
    layers = provenance_of(folder)
    assert layers.environment.variables == {"OMP_NUM_THREADS": "1"}
    assert layers.config["text_key"] == "content"
    assert layers.config["key"] == "id"


def test_what_is_masked() -> None:
    """Names of columns are no secrets; long words under `token` are."""
    assert masked(["--token", "abc", "--lr", "0.1"]) == ("--token", MASK, "--lr", "0.1")
    assert masked_tree({"a": [{"auth_token": "x" * 16}], "pad_token": "[PAD]", "secret": ""}) == {
        "a": [{"auth_token": MASK}],
        "pad_token": "[PAD]",
        "secret": "",
    }


# --- data ---------------------------------------------------------------------------------------


def test_a_fingerprint_follows_the_data_and_not_its_place(tmp_path: Path) -> None:
    """A moved folder is the same data; another byte, name or file is not."""
    for name in ("a", "b"):
        (tmp_path / name / "cats").mkdir(parents=True)
        (tmp_path / name / "cats" / "1.png").write_bytes(b"x" * 500_000)
    first = fingerprint([tmp_path / "a"])
    assert first == fingerprint([tmp_path / "b"])
    assert (first["files"], first["bytes"]) == (1, 500_000)

    (tmp_path / "b" / "cats" / "1.png").write_bytes(b"x" * 499_999 + b"y")
    assert first != fingerprint([tmp_path / "b"])
    (tmp_path / "a" / "cats" / "1.png").rename(tmp_path / "a" / "cats" / "2.png")
    assert first["sha256"] != fingerprint([tmp_path / "a"])["sha256"]


def test_every_byte_counts_when_asked(tmp_path: Path) -> None:
    """A change between the sampled blocks is seen by the whole fingerprint alone, and the words say so."""
    path = tmp_path / "x.bin"
    path.write_bytes(bytes(1_000_000))
    sampled, whole = fingerprint([path]), fingerprint([path], whole=True)
    data = bytearray(1_000_000)
    data[100_000] = 1
    path.write_bytes(data)

    assert fingerprint([path]) == sampled
    assert fingerprint([path], whole=True) != whole
    assert (sampled["by"], whole["by"]) == ("sizes and sampled blocks", "every byte")


def test_missing_data_is_said_in_one_sentence(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(UsageError, match="none cannot be read"):
        fingerprint([tmp_path / "none"])


# --- a watched run ------------------------------------------------------------------------------


def test_options_are_read_from_any_kind_of_command() -> None:
    """argparse's, Hydra's and plain words."""
    assert options_of(["--lr", "0.1", "--amp", "--shift", "-3", "model.depth=4", "data/x"]) == {
        "lr": "0.1", "amp": True, "shift": "-3", "model.depth": "4", "argument 1": "data/x",
    }  # fmt: skip


def test_a_module_s_options_are_its_configuration(tmp_path: Path) -> None:
    """Two runs of a module with other options are not two seeds of one configuration."""
    command = ["watch", "-m", "pkg.train", "--lr", "0.1"]
    words = [sys.executable, "-m", "torchladder.runs.aside", str(tmp_path), "[]", "watch", *command]
    subprocess.run(words, check=True, cwd=tmp_path)

    layers = provenance_of(tmp_path)
    assert layers.config == {"argument 1": "watch", "m": "pkg.train", "lr": "0.1"}


def test_the_words_that_make_a_watched_run_again() -> None:
    """Behind `torchladder` for the command line, behind Python for a watch within a script."""
    assert again(["/x/bin/torchladder", "watch", "t.py"], []) == ["watch", "watch", "t.py"]
    assert again(["/x/torchladder/__main__.py", "watch", "t.py"], []) == ["watch", "watch", "t.py"]
    assert again(["t.py", "--lr", "1"], ["python", "-O", "t.py", "--lr", "1"]) == ["script", "-O", "t.py", "--lr", "1"]


def test_layers_are_gathered_by_a_process_of_their_own(tmp_path: Path) -> None:
    """It is no child of the program, which may wait for children; what it writes is whole."""
    program = tmp_path / "train.py"
    program.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom torchladder.runs.aside import gather_aside, note_process\n"
        "gather_aside(Path(sys.argv[1]), [Path('train.py').absolute()])\n"
        "try:\n    os.wait()\nexcept ChildProcessError:\n    print('no child')\n"
        "note_process(Path(sys.argv[1]), 'abcd')\n"
    )
    folder = tmp_path / "run"
    folder.mkdir()
    command = [sys.executable, "train.py", str(folder), "--lr", "0.1", "--seed=5", "--token=hunter2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    until = time.monotonic() + 30
    while not (folder / PROVENANCE).exists() and time.monotonic() < until:
        time.sleep(0.05)

    layers = provenance_of(folder)
    assert done.stdout == "no child\n"
    assert (layers.kind, layers.seed, layers.cwd) == ("script", 5, str(tmp_path))
    assert layers.config == {"program": "train.py", "argument 1": str(folder), "lr": "0.1", "seed": "5", "token": MASK}
    assert list(layers.code.sources) == ["train.py"]
    assert layers.data["bytes"] == program.stat().st_size
    assert "hunter2" not in (folder / PROVENANCE).read_text()


def test_what_the_process_noted_completes_the_layers(tmp_path: Path) -> None:
    """Seed and settings of torch come from the process, where the gatherer could not know them."""
    made = gather("watch", config={}, data={}, seed=None, command=[], cwd=tmp_path)
    replace(made, environment=replace(made.environment, torch={})).write(tmp_path)
    row = {"torch": {"threads": 2}, "seed": 7, "parameters": None, "sources": []}
    (tmp_path / "process.json").write_text(json.dumps(row))

    layers = provenance_of(tmp_path)

    assert layers.seed == 7
    assert layers.environment.torch == {"threads": 2}


def test_an_unseeded_process_has_no_seed(tmp_path: Path) -> None:
    """A number that torch draws is no seed of the user's."""
    code_ = (
        "import sys, torch; from pathlib import Path; from torchladder.runs.aside import note_process, seed_seen\n"
        "assert seed_seen() is None\ntorch.seed(); assert seed_seen() is None\n"
        "torch.manual_seed(11); note_process(Path(sys.argv[1]), None)"
    )
    subprocess.run([sys.executable, "-c", code_, str(tmp_path)], check=True, env={**os.environ})

    row = json.loads((tmp_path / "process.json").read_text())
    assert row["seed"] == 11
    assert row["torch"]["threads"] >= 1


def test_noting_the_process_without_torch_needs_no_torch(tmp_path: Path) -> None:
    """A process that never loaded torch does not load it for the record."""
    code_ = (
        "import sys; from pathlib import Path; from torchladder.runs.aside import note_process\n"
        "note_process(Path(sys.argv[1]), None); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code_, str(tmp_path)], check=True)

    assert json.loads((tmp_path / "process.json").read_text())["torch"] == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}'])
def test_a_damaged_record_has_no_layers(tmp_path: Path, text: str) -> None:
    """It is read as absent."""
    (tmp_path / PROVENANCE).write_text(text)

    assert provenance_of(tmp_path) is None
