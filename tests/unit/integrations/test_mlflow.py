"""MLflow: into a folder and into a real server of this machine; the user's run is used and left open."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")
pytestmark = pytest.mark.slow

PATIENCE_S = 90.0
BOTH = """
import json, math, sys, time
from tests.unit.runs.writing import end, finding, start
from torchladder.integrations.mlflow import Mlflow
from torchladder.monitor.courier import Courier

def look(sink):
    for step in range(1200):
        sink.steps([(step, {"loss": 1.0 / (step + 1), "lr": 0.1})])
    sink.steps([(1200, {"loss": math.nan})])
    sink.sample(1200, {"gradient": 1.0, "gradient/fc.weight": 0.5, "weight/odd[name]": 2.0})
    sink.histogram(1200, "weight/fc", [0.0, math.inf], [3.0])
    sink.histogram(1200, "weight/b", [0.0, 1.0], [3.0])
    sink.alert(1200, finding())

def tell(run_id):
    from mlflow import MlflowClient
    client = MlflowClient()
    run = client.get_run(run_id)
    names = list(run.data.metrics)
    print(json.dumps({
        "status": run.info.status,
        "name": run.info.run_name,
        "tags": {k: v for k, v in run.data.tags.items() if k.startswith("torchladder")},
        "metrics": {n: sorted((m.step, str(m.value)) for m in client.get_metric_history(run_id, n)) for n in names},
        "artifacts": [f.path for f in client.list_artifacts(run_id, "torchladder/histograms")],
    }))
"""
OURS = """
courier = Courier((), [Mlflow("mine")])
courier.start(start())
look(courier)
courier.end(end(state="crashed"))
assert courier.failures == {}, courier.failures
assert "mlflow" not in sys.modules, "a program without MLflow does not import it"
import mlflow
until = time.monotonic() + 120  # on a busy machine the process goes on after the program's patience
while True:
    runs = mlflow.search_runs(experiment_names=["mine"], output_format="list")
    if runs and runs[0].info.status != "RUNNING" or time.monotonic() > until:
        break
    time.sleep(0.5)
(run,) = runs
tell(run.info.run_id)
"""
THEIRS = """
import mlflow
mlflow.set_experiment("theirs")
sink = Mlflow()
courier = Courier((), [sink])
courier.start(start())
with mlflow.start_run() as theirs:
    mlflow.log_metric("loss", 7.0, step=3)
    look(courier)
    courier.end(end())
    assert courier.failures == {}, courier.failures
    mlflow.log_metric("loss", 8.0, step=4)
    assert mlflow.get_run(theirs.info.run_id).info.status == "RUNNING"
assert len(mlflow.search_runs(experiment_names=["theirs"])) == 1
assert mlflow.get_experiment_by_name("torchladder") is None, "no run of ours beside it"
tell(theirs.info.run_id)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{folder}/store.db", "--artifacts-destination", str(folder / "files")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words],
            cwd=folder,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},  # it has no use here and starts slowly
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        address, until = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE_S
        while not answers(f"{address}/health"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(params=["folder", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (tmp_path / "mlruns").as_uri() if request.param == "folder" else str(request.getfixturevalue("server"))


def program(text: str, folder: Path, root: Path, store: str) -> dict[str, Any]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")}
    told = {"MLFLOW_TRACKING_URI": store, "MLFLOW_ALLOW_FILE_STORE": "true", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", BOTH + text],
        cwd=folder,
        env=kept | told | {"GIT_PYTHON_REFRESH": "quiet", "NO_PROXY": "127.0.0.1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def test_a_run_of_ours_has_everything(store: str, tmp_path: Path, root: Path) -> None:
    """Scalars by step, histograms as artifacts, alerts and the verdict as tags; and it is ended."""
    seen = program(OURS, tmp_path, root, store)

    assert ("FAILED", "train") == (seen["status"], seen["name"])
    assert 500 <= len(seen["metrics"]["loss"]) <= 1201, "as many as the time allows"
    assert [0, "1.0"] == seen["metrics"]["loss"][0]
    assert [1200, "nan"] == seen["metrics"]["loss"][-1]
    assert [[1200, "0.5"]] == seen["metrics"]["gradient/fc.weight"]
    assert [[1200, "1.0"]] == seen["metrics"]["gradient/all"]
    assert [[1200, "2.0"]] == seen["metrics"]["weight/odd_name_"]
    assert ["torchladder/histograms/step_00001200.json"] == seen["artifacts"]
    assert seen["tags"]["torchladder.TL404"].startswith("step 1200: error[TL404] missing-zero-grad: ")
    assert "crashed: loss 2 -> 1" == seen["tags"]["torchladder.verdict"]


def test_the_users_run_is_used_and_left_open(store: str, tmp_path: Path, root: Path) -> None:
    """Under names of our own, beside theirs; the program ends its run itself."""
    seen = program(THEIRS, tmp_path, root, store)

    assert "FINISHED" == seen["status"]
    assert [[3, "7.0"], [4, "8.0"]] == seen["metrics"]["loss"]
    assert [0, "1.0"] == seen["metrics"]["torchladder/loss"][0]
    assert [[1200, "0.5"]] == seen["metrics"]["torchladder/gradient/fc.weight"]
    assert "torchladder.TL404" in seen["tags"]
