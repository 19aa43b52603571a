"""One callback watches the training of another library's loop: findings, proper ends, the same bits."""

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import torchladder
from torchladder.core.errors import UsageError
from torchladder.monitor.watch import Watch as Eye

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
QUIET: dict[str, Any] = {"folder": None, "quiet": True}
State = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def vanishing(depth: int = 16) -> nn.Sequential:
    """Return a net whose first layers learn nothing."""
    torch.manual_seed(0)
    layers = [m for _ in range(depth) for m in (nn.Linear(8, 8), nn.Sigmoid())]
    return nn.Sequential(*layers, nn.Linear(8, 4))


def batches() -> TensorDataset:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(320, 8, generator=generator)
    return TensorDataset(x, x[:, :4].argmax(1))


def with_lightning(callbacks: list[Any], fail: BaseException | None = None) -> State:
    """Train for one epoch; fail at step 12 if asked to."""
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = vanishing()

        def training_step(self, batch: Any, at: int) -> torch.Tensor:
            if at == 12 and fail is not None:
                raise fail
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=1e-2)

    module = Module()
    silent = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", enable_checkpointing=False, callbacks=callbacks, **silent
    )
    torch.manual_seed(2)
    trainer.fit(module, DataLoader(batches(), batch_size=16, shuffle=True))
    return module.net.state_dict()


def with_transformers(callbacks: list[Any], fail: BaseException | None = None) -> State:
    """Train for one epoch; fail at step 12 if asked to."""
    transformers = pytest.importorskip("transformers")

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.calls = vanishing(), 0

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            self.calls += 1
            if self.calls == 12 and fail is not None:
                raise fail
            out = self.net(x)
            return {"loss": F.cross_entropy(out, labels), "logits": out}

    model = Model()
    arguments = transformers.TrainingArguments(
        output_dir="out",
        num_train_epochs=1,
        per_device_train_batch_size=16,
        learning_rate=1e-2,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    data = [{"x": x, "labels": y} for x, y in zip(*batches().tensors, strict=True)]
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=data, callbacks=callbacks)
    trainer.train()
    return model.net.state_dict()


def with_accelerate(callbacks: list[Any], fail: BaseException | None = None) -> State:
    """Train for one epoch; fail at step 12 if asked to, and end as a careful program does."""
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True, log_with=callbacks)
    accelerator.init_trackers("digits", config={"lr": 1e-2})
    torch.manual_seed(2)
    model = vanishing()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    model, optimizer, loader = accelerator.prepare(model, optimizer, DataLoader(batches(), batch_size=16, shuffle=True))
    try:
        for at, (x, y) in enumerate(loader):
            if at == 12 and fail is not None:
                raise fail
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            accelerator.backward(loss)
            accelerator.log({"loss": loss.item()}, step=at)
            optimizer.step()
    finally:
        accelerator.end_training()
    return dict(model.state_dict())


def callback(library: str, **options: Any) -> Any:
    if library == "lightning":
        from torchladder.integrations.lightning import Watch

        return Watch(**QUIET | options)
    if library == "transformers":
        from torchladder.integrations.hf import Watch as HfWatch

        return HfWatch(**QUIET | options)
    from torchladder.integrations.accelerate import Watch as AccelerateWatch

    return AccelerateWatch(**QUIET | options)


TRAINERS: dict[str, Callable[..., State]] = {
    "lightning": with_lightning,
    "transformers": with_transformers,
    "accelerate": with_accelerate,
}
LIBRARIES = pytest.mark.parametrize("library", list(TRAINERS))


@LIBRARIES
def test_findings_arrive_and_the_run_ends(library: str) -> None:
    """Vanishing gradients are found while it trains; afterwards nothing is watched."""
    told: list[str] = []
    watching = callback(library, on_alert=lambda finding: told.append(finding.code))

    TRAINERS[library]([watching])

    assert "TL211" in told
    assert [f.code for f in watching.run.findings] == told
    assert (watching.run.state, watching.run.monitor.step) == ("ended", 20)
    assert Eye.active is None


@LIBRARIES
def test_the_same_bits_with_and_without(library: str) -> None:
    """Every weight."""
    without = TRAINERS[library]([])
    watched = TRAINERS[library]([callback(library)])

    assert all(torch.equal(without[name], watched[name]) for name in without)


@LIBRARIES
@pytest.mark.parametrize(
    ("error", "state"), [(RuntimeError("the disk is full"), "crashed"), (KeyboardInterrupt(), "interrupted")]
)
def test_a_training_that_fails_ends_its_run(library: str, error: BaseException, state: str) -> None:
    """The error reaches the caller as it was raised, the run says how it ended, and the next one begins anew."""
    watching = callback(library)
    expected = SystemExit if library == "lightning" and state == "interrupted" else type(error)
    with pytest.raises(expected):
        TRAINERS[library]([watching], fail=error)

    assert (watching.run.state, Eye.active) == (state, None)
    TRAINERS[library]([watching])
    assert (watching.run.state, watching.run.monitor.step) == ("ended", 20)


@LIBRARIES
def test_a_stop_at_a_verdict(library: str) -> None:
    """The run that was told to stop says that it was."""
    watching = callback(library, stop_on=("TL211",))
    with pytest.raises(SystemExit, match="TL211"):
        TRAINERS[library]([watching])

    assert watching.run.monitor.step < 20
    assert Eye.active is None
    assert watching.run.state == "stopped"


@LIBRARIES
def test_inside_a_watch_of_ones_own_it_keeps_still(library: str) -> None:
    """One of the two watches, not both."""
    watching = callback(library)
    with torchladder.watch(folder=None, quiet=True) as own:
        TRAINERS[library]([watching])

    assert watching.run is None
    assert own.monitor.step == 20


@LIBRARIES
def test_an_impossible_option_is_said_when_the_callback_is_made(library: str) -> None:
    """Not when the training begins."""
    with pytest.raises(UsageError, match="no rule is called"):
        callback(library, stop_on=("nonsense",))


def test_a_loop_of_accelerate_that_nobody_catches_has_crashed(tmp_path: Path) -> None:
    """Told when the interpreter leaves; the program's own traceback and status stay."""
    program = """
        import torch
        from accelerate import Accelerator
        from torchladder.integrations.accelerate import Watch

        watch = Watch(folder=None)
        accelerator = Accelerator(cpu=True, log_with=[watch])
        accelerator.init_trackers("x")
        model = torch.nn.Linear(2, 2)
        model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
        for step in range(5):
            accelerator.backward(model(torch.ones(1, 2)).sum())
            optimizer.step()
        end = watch.run.monitor.courier.end
        watch.run.monitor.courier.end = lambda e: (print("state:", e.state), end(e))
        raise OSError("gone")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "state: crashed" in done.stdout
    assert "OSError: gone" in done.stderr
    assert "watched 5 steps" in done.stderr
