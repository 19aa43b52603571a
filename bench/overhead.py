"""What watching costs: the time of a step under a monitor against the bare step.

    aim: <= 1.01x on a step of 50 ms or more, <= 1.03x on a step of 1 ms, at the defaults

One process a model. Blocks of steps with and without the monitor follow each other, and CPU seconds of the process are
compared within each pair of neighbouring blocks; the median of the ratios is given with its quartiles. Each side
trains a model of its own from the same seed, so that their weights can be compared at the end: ``same bits`` says
whether they are equal. The first 200 steps, in which torchladder looks closely, are given apart, in seconds.

    python bench/overhead.py                              every model, every monitor that is installed
    python bench/overhead.py --models mlp --monitors torchladder,bare --pairs 40
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
FIRST = 200  # steps before the comparison begins
STEPS = {"mlp": 500, "resnet18": 4, "transformer": 4}  # steps a block: of short ones many, as looks come seldom
PAIRS = {"mlp": 40, "resnet18": 12, "transformer": 12}

Step = Callable[[], None]
Hooks = tuple[Callable[[], None], Callable[[], None]]  # begin and end a block


class Job:
    """A model, its optimizer and one step."""

    def __init__(self, name: str) -> None:
        import torch
        from torch import nn

        torch.manual_seed(0)
        if name == "mlp":
            self.model: Any = nn.Sequential(
                nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
            )
            self.x, self.y = torch.randn(64, 64), torch.randint(0, 10, (64,))
        elif name == "resnet18":
            from torchvision.models import resnet18

            self.model = resnet18(num_classes=10)
            self.x, self.y = torch.randn(16, 3, 32, 32), torch.randint(0, 10, (16,))
        else:
            layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
            self.model = nn.Sequential(nn.Embedding(256, 128), nn.TransformerEncoder(layer, 4), nn.Linear(128, 256))
            self.x, self.y = torch.randint(0, 256, (16, 64)), torch.randint(0, 256, (16, 64))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.loss = torch.zeros(())
        self.after: list[Callable[[], None]] = []

    def step(self) -> None:
        """Train on the batch once."""
        from torch.nn.functional import cross_entropy

        out = self.model(self.x)
        self.loss = cross_entropy(out.flatten(0, -2), self.y.flatten())
        self.optimizer.zero_grad()
        self.loss.backward()
        self.optimizer.step()
        for tell in self.after:
            tell()


def bare(job: Job) -> Hooks:
    """Nothing: what the noise is."""
    del job
    return (lambda: None), (lambda: None)


def torchladder(job: Job) -> Hooks:
    """``torchladder.watch`` at its defaults; its clock stands still while the other side's blocks run."""
    from torchladder.core.sinks import RunStart
    from torchladder.monitor.courier import Courier
    from torchladder.monitor.monitor import Monitor
    from torchladder.monitor.settings import Settings
    from torchladder.runs.folder import RunFolder

    del job
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    courier = Courier([RunFolder(folder)])
    courier.start(RunStart("bench", "bench", (), str(folder), time.time()))
    monitor = Monitor(Settings(), courier, lambda _step, _finding: None)
    left, away = time.perf_counter(), 0.0
    monitor.schedule.clock = lambda: time.perf_counter() - away

    def begin() -> None:
        nonlocal away
        if monitor.closed:
            monitor.attach()
        else:
            away += time.perf_counter() - left
            monitor.taps.open()

    def end() -> None:
        nonlocal left
        monitor.taps.close()
        left = time.perf_counter()

    return begin, end


def fused_norm(job: Job) -> Hooks:
    """One fused norm over all gradients every step, left on the device: the floor of any gradient watch."""
    import torch

    kept: list[Any] = []

    def look() -> None:
        kept[:] = torch._foreach_norm([p.grad for p in job.model.parameters() if p.grad is not None])  # noqa: SLF001

    job.after.append(look)
    return (lambda: None), (lambda: None)


def naive_hooks(job: Job) -> Hooks:
    """Mean and deviation of every layer's output and the norm of every gradient by ``.item()``, every step."""
    from torch import nn

    numbers: dict[Any, Any] = {}

    def hook(module: Any, args: Any, out: Any) -> None:
        del args
        if hasattr(out, "mean") and out.is_floating_point():
            numbers[module] = (out.mean().item(), out.std().item())

    def look() -> None:
        for name, p in job.model.named_parameters():
            numbers[name] = p.grad.norm().item()

    leaves = [m for m in job.model.modules() if not list(m.children()) and not isinstance(m, nn.Embedding)]
    for leaf in leaves:
        leaf.register_forward_hook(hook)
    job.after.append(look)
    return (lambda: None), (lambda: None)


def detect_anomaly(job: Job) -> Hooks:
    """``torch.autograd.set_detect_anomaly(True)``."""
    import torch

    del job
    return (lambda: torch.autograd.set_detect_anomaly(True)), (lambda: torch.autograd.set_detect_anomaly(False))  # type: ignore[return-value,func-returns-value]


def cockpit(job: Job) -> Hooks:
    """Cockpit with its "economy" quantities; the model and the loss are extended by BackPACK, as it asks."""
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration
    from torch import nn

    extend(job.model)
    whole, each = extend(nn.CrossEntropyLoss()), nn.CrossEntropyLoss(reduction="none")
    instruments = Cockpit(job.model.parameters(), quantities=configuration("economy"))
    count = 0

    def step() -> None:
        nonlocal count
        out = job.model(job.x).flatten(0, -2)
        job.loss = whole(out, job.y.flatten())
        job.optimizer.zero_grad()
        losses = each(out.detach(), job.y.flatten())
        info = {"batch_size": len(out), "individual_losses": losses, "loss": job.loss, "optimizer": job.optimizer}
        with instruments(count, info=info):
            job.loss.backward(create_graph=instruments.create_graph(count))
        job.optimizer.step()
        count += 1

    job.step = step  # type: ignore[method-assign]
    return (lambda: None), (lambda: None)


def tensorboard(job: Job) -> Hooks:
    """Histograms of every weight and gradient, every step."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(tempfile.mkdtemp(prefix="bench-"))
    count = 0

    def look() -> None:
        nonlocal count
        count += 1
        for name, p in job.model.named_parameters():
            writer.add_histogram(name, p, count)
            writer.add_histogram(f"{name}.grad", p.grad, count)

    job.after.append(look)
    return (lambda: None), (lambda: None)


def wandb_watch(every: int) -> Callable[[Job], Hooks]:
    """``wandb.watch(model, log="all")`` and the loss logged each step."""

    def start(job: Job) -> Hooks:
        import wandb

        run = wandb.init(project="bench", dir=tempfile.mkdtemp(prefix="bench-"))
        run.watch(job.model, log="all", log_freq=every)
        job.after.append(lambda: run.log({"loss": job.loss.item()}))
        return (lambda: None), (lambda: None)

    return start


MONITORS: dict[str, Callable[[Job], Hooks]] = {
    "bare": bare,
    "torchladder": torchladder,
    "fused norm": fused_norm,
    "naive hooks": naive_hooks,
    "detect_anomaly": detect_anomaly,
    "wandb.watch 1": wandb_watch(1),
    "wandb.watch 100": wandb_watch(100),
    "wandb.watch 1000": wandb_watch(1000),
    "TensorBoard histograms": tensorboard,
    "Cockpit economy": cockpit,
}


@contextlib.contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    """Append the CPU seconds of this process."""
    began = time.process_time()
    yield
    seconds.append(time.process_time() - began)


def measure(model: str, monitor: str, pairs: int) -> dict[str, Any]:
    """Compare blocks of one model with and without one monitor."""
    import resource

    import torch

    torch.set_num_threads(1)
    plain, watched = Job(model), Job(model)
    for job in (plain, watched):
        job.model.load_state_dict(plain.model.state_dict())
    begin, end = MONITORS[monitor](watched)
    warm = Job(model)
    for _ in range(3):
        warm.step()  # what torch does once must fall on neither side
    first: tuple[list[float], list[float]] = ([], [])
    steps = STEPS[model]
    n_first = FIRST if model == "mlp" else 40
    with timed(first[0]):
        for _ in range(n_first):
            plain.step()
    begin()
    with timed(first[1]):
        for _ in range(n_first):
            watched.step()
    end()
    ratios, base = [], []
    for pair in range(pairs):
        spent: tuple[list[float], list[float]] = ([], [])
        for side in (0, 1) if pair % 2 else (1, 0):
            if side:
                begin()
            with timed(spent[side]):
                for _ in range(steps):
                    (watched if side else plain).step()
            if side:
                end()
        ratios.append(spent[1][0] / spent[0][0])
        base.append(spent[0][0] / steps)
    low, middle, high = statistics.quantiles(ratios, n=4)
    same = all(torch.equal(a, b) for a, b in zip(plain.model.parameters(), watched.model.parameters(), strict=True))
    return {
        "model": model, "monitor": monitor, "ms": 1e3 * statistics.median(base), "ratio": middle,
        "quartiles": (low, high), "start_s": first[1][0] - first[0][0], "same": same,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def counts(steps: int = 1000) -> None:
    """Print how often a watched MLP is interrupted: exact counts, not times."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Reads(TorchDispatchMode):
        """Counts what waits for a device: a number or an answer that the host asks for."""

        n = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            del types
            self.n += func.name() in {"aten::_local_scalar_dense", "aten::equal"}
            return func(*args, **(kwargs or {}))

    ours = str(ROOT / "src" / "torchladder")
    calls: list[str] = []

    def seen(frame: Any, event: str, argument: Any) -> None:
        del argument
        if event == "call" and frame.f_code.co_filename.startswith(ours):
            calls.append(frame.f_code.co_qualname)

    rows = []
    for watched in (False, True):
        job = Job("mlp")
        begin, end = (torchladder if watched else bare)(job)
        begin()
        for _ in range(FIRST):
            job.step()
        with Reads() as reads:
            for _ in range(steps):
                job.step()
        calls.clear()
        sys.setprofile(seen)
        for _ in range(steps):
            job.step()
        sys.setprofile(None)
        rows.append((reads.n, list(calls)))
        end()
    (plain, _), (watching, inside) = rows
    hooks = sum("Outputs" in name and "hook" in name for name in inside)
    print(f"after the first {FIRST} steps, a step: {(watching - plain) / steps:.2f} numbers read on the host (of the")
    print(f"loss and of gradients that are on the CPU; on other devices none), {len(inside) / steps:.1f} calls of")
    print(f"functions of torchladder's, {hooks / steps:.2f} hooks of layers; torch {torch.__version__}")


def main() -> None:
    """Measure each combination in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(STEPS))
    parser.add_argument("--monitors", default=",".join(MONITORS))
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "MONITOR"), help=argparse.SUPPRESS)
    parser.add_argument("--counts", action="store_true", help="how often a step is interrupted, exactly")
    options = parser.parse_args()
    if options.counts:
        counts()
        return
    if options.one:
        model, monitor = options.one
        print(json.dumps(measure(model, monitor, options.pairs or PAIRS[model])))
        return
    print("| model | monitor | bare step | ratio (quartiles) | first steps | same bits | peak memory |")
    print("|---|---|---:|---:|---:|---|---:|")
    for model in options.models.split(","):
        for monitor in options.monitors.split(","):
            words = [sys.executable, __file__, "--one", model, monitor, "--pairs", str(options.pairs)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                print(
                    f"| {model} | {monitor} | | fails: {done.stderr.strip().splitlines()[-1][:90]} | | | |", flush=True
                )
                continue
            r = json.loads(done.stdout.splitlines()[-1])
            low, high = r["quartiles"]
            print(
                f"| {model} | {monitor} | {r['ms']:.2f} ms | {r['ratio']:.3f} ({low:.3f}-{high:.3f}) "
                f"| {r['start_s']:+.2f} s | {'yes' if r['same'] else 'NO'} | {r['peak_mb']:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
