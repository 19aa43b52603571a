"""Programs that train in processes they start are observed there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torchladder.runner.children import child_payloads

TRAIN = """
    import sys
    import torch

    def train(rank, steps):
        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(steps):
            model(torch.ones(4, 2)).sum().backward()
            optimizer.step()
        torch.save(model.state_dict(), f"rank{rank}.pt")
        print("trained", rank)
"""
WAYS = {
    "spawn": """
    if __name__ == "__main__":
        torch.multiprocessing.spawn(train, (5,), nprocs=2)
""",
    "forkserver": """
    if __name__ == "__main__":
        torch.multiprocessing.start_processes(train, (5,), nprocs=2, start_method="forkserver")
""",
    "subprocess": """
    if "--child" in sys.argv:
        train(0, 5)
    else:
        import subprocess
        for _ in range(2):
            subprocess.run([sys.executable, __file__, "--child"], check=True)
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_children_that_train_report(
    way: str, write: Callable[..., Path], observe: Callable[..., Any], tmp_path: Path, folder: Path
) -> None:
    """Each gives its collector's payload, and its checkpoints go to the scratch folder."""
    write("train.py", TRAIN + WAYS[way])

    run = observe("train.py")

    assert run.program.state == "ended", run
    assert [p["steps"] for p in child_payloads(str(tmp_path / "scratch")) if p["steps"]] == [5, 5]
    assert [p.name for p in folder.iterdir()] == ["train.py"]


@pytest.mark.slow
def test_a_child_stops_at_its_step(write: Callable[..., Path], observe: Callable[..., Any], tmp_path: Path) -> None:
    """``stop`` in a child ends that child alone, with its payload."""
    write("train.py", TRAIN + WAYS["spawn"] + "        print('main goes on')\n")

    run = observe("train.py", most=2)

    assert run.program.stdout_tail == "main goes on\n", run
    assert [p["steps"] for p in child_payloads(str(tmp_path / "scratch"))] == [2, 2]


@pytest.mark.slow
def test_children_are_collected_before_the_deadline(
    write: Callable[..., Path], observe: Callable[..., Any], tmp_path: Path
) -> None:
    """The program's end would end them without a word."""
    write("train.py", TRAIN.replace("range(steps)", "iter(int, 1)") + WAYS["spawn"])

    run = observe("train.py", seconds=20)

    assert run.program.state in {"timeout", "ended"}, run
    assert len({p["pid"] for p in child_payloads(str(tmp_path / "scratch"))} - {run.payload["pid"]}) == 2


@pytest.mark.slow
def test_torchrun_ranks_report_in_order(
    write: Callable[..., Path], observe: Callable[..., Any], tmp_path: Path
) -> None:
    """Ranks started by torchrun attach; rank 0 comes first."""
    write("train.py", TRAIN + "    train(0, 3)\n")

    run = observe("torch.distributed.run", "--nproc-per-node=2", "--standalone", "train.py", module=True)

    ranks = [p for p in child_payloads(str(tmp_path / "scratch")) if p["rank"] is not None]
    assert [(p["rank"], p["steps"]) for p in ranks] == [("0", 3), ("1", 3)], run


def test_an_existing_sitecustomize_still_runs(
    write: Callable[..., Path], observe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours loads the one it hides, and leaves the path as it was."""
    write("site/sitecustomize.py", "import builtins; builtins.customized = True")
    write(
        "train.py",
        """
        import subprocess, sys
        code = "import sys; print(customized, any('attach_site' in p for p in sys.path))"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
        """,
    )
    monkeypatch.setenv("PYTHONPATH", str(Path("site").absolute()), prepend=":")

    assert observe("train.py").program.stdout_tail == "True False\n\n"
