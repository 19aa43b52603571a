"""Sanity checks of a model as assertions: the first rungs of the ladder in milliseconds to seconds, for a test suite.

Every check works on a copy of the model and leaves the random number generators as they were. The checks are those of
Karpathy's recipe (https://karpathy.github.io/2019/04/25/recipe/): the loss at initialisation, one batch that must be
memorised, samples that must not see each other.
"""

import copy
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchladder.core.findings import Measurement
from torchladder.report import json as report_json
from torchladder.report.terminal import render
from torchladder.testing.failure import failed

Batch = Sequence[Any]
Loss = Callable[[Any, Any], torch.Tensor]

NAMES_SHOWN = 5


class Ladder:
    """The checks. ``batch`` is ``(inputs, targets)``; ``loss`` takes outputs and targets, and is chosen by the targets.

    Inputs that are a tuple or a mapping are handed to the model as arguments.
    """

    def overfits_one_batch(
        self,
        model: nn.Module,
        batch: Batch,
        loss: Loss | None = None,
        *,
        optimizer: Callable[[Any], torch.optim.Optimizer] | None = None,
        steps: int = 300,
        below: float = 0.1,
    ) -> float:
        """Assert that the model memorises one batch: its loss falls below ``below`` of what it was.

        Args:
            model: A copy of it is trained, as it is: with dropout where it has dropout.
            batch: Inputs and targets, 8 to 64 samples.
            loss: Given outputs and targets; cross entropy for class ids, squared error for the rest.
            optimizer: Given the parameters; Adam at 1e-3 if not given.
            steps: Optimizer steps at most.
            below: Share of the first loss.

        Returns:
            The last loss.

        Raises:
            SanityError: If it does not.
        """
        x, y = _parts(batch)
        measure = loss or _loss_for(y)
        with _apart(model) as net:
            net.train()
            stepper = (optimizer or (lambda p: torch.optim.Adam(p, lr=1e-3)))(net.parameters())
            first = last = math.nan
            for step in range(steps):
                value = measure(_call(net, x), y)
                last = float(value.detach())
                first = last if step == 0 else first
                if not math.isfinite(last) or last <= below * first:
                    break
                stepper.zero_grad()
                value.backward()  # type: ignore[no-untyped-call]
                stepper.step()
        if not last <= below * first:
            raise failed(
                "one-batch",
                "the model does not memorise one batch",
                [Measurement(f"loss after {step + 1} steps", last, expected=f"below {below * first:.3g}"),
                 Measurement("loss at the first step", first)],
                "look for a loss on the wrong tensor, parameters the optimizer does not hold, or a rate far off; "
                "`torchladder climb train.py` names the cause",
            )  # fmt: skip
        return last

    def loss_at_init(
        self,
        model: nn.Module,
        batch: Batch,
        loss: Loss | None = None,
        *,
        classes: int | None = None,
        within: float = 0.2,
    ) -> float:
        """Assert that an untrained classifier's loss is that of a guess: ln K.

        Args:
            model: Freshly initialised.
            batch: Inputs and class ids.
            loss: As above; the reduction must be the mean.
            classes: K; the last axis of the outputs (axis 1 of those with more axes) if not given.
            within: Share of ln K by which it may differ.

        Returns:
            The loss, in nats.

        Raises:
            SanityError: If it differs by more.
        """
        x, y = _parts(batch)
        with _apart(model) as net, torch.no_grad():
            net.eval()
            out = _call(net, x)
            value = float((loss or _loss_for(y))(out, y))
        k = classes or int(out.shape[1 if out.ndim > 1 else 0])
        chance = math.log(k)
        if not abs(value - chance) <= within * chance:
            raise failed(
                "loss-at-init",
                f"the loss before training is not that of a guess among {k} classes",
                [Measurement("loss at initialisation", value, unit="nats", expected=f"{chance:.3f} = ln {k}")],
                "check the scale of the inputs and of the last layer, and that the loss is given logits",
                "TL215",
            )
        return value

    def no_batch_mixing(self, model: nn.Module, inputs: Any, *, sample: int = 0) -> None:
        """Assert that, in evaluation mode, the output for one sample depends on no other sample.

        Args:
            model: With floating-point inputs of shape (N, ...), N at least 2.
            inputs: One tensor.
            sample: Whose output is differentiated.

        Raises:
            SanityError: If it depends on others.
            ValueError: If the inputs cannot be differentiated, or are fewer than two.
        """
        if not isinstance(inputs, torch.Tensor) or not inputs.is_floating_point() or len(inputs) < 2:  # noqa: PLR2004
            msg = "no_batch_mixing needs one floating-point tensor of two samples or more"
            raise ValueError(msg)
        with _apart(model) as net:
            net.eval()
            x = inputs.detach().clone().requires_grad_()
            grad: torch.Tensor | None = torch.autograd.grad(net(x)[sample].sum(), x, allow_unused=True)[0]
        sizes = [0.0] * len(x) if grad is None else grad.detach().abs().flatten(1).amax(1).tolist()
        others = [i for i, size in enumerate(sizes) if size and i != sample]
        if others:
            raise failed(
                "batch-mixing",
                f"the output for sample {sample} depends on other samples",
                [Measurement("other samples it depends on", len(others), expected=0),
                 Measurement("the first of them", others[0])],
                "look for a `view` or `reshape` where `transpose` is meant, and for softmax or norms over axis 0",
                "TL216",
            )  # fmt: skip

    def all_parameters_get_gradients(
        self, model: nn.Module, batch: Batch, loss: Loss | None = None, *, except_: Sequence[str] = ()
    ) -> None:
        """Assert that a backward pass reaches every parameter that wants a gradient.

        Args:
            model: In training mode.
            batch: Inputs and targets.
            loss: As above.
            except_: Names, or beginnings of names, of parameters that need none.

        Raises:
            SanityError: If some get none, or zeros only.
        """
        x, y = _parts(batch)
        with _apart(model) as net:
            net.train()
            (loss or _loss_for(y))(_call(net, x), y).backward()  # type: ignore[no-untyped-call]
            wanted = [(n, p) for n, p in net.named_parameters() if p.requires_grad and not n.startswith(tuple(except_))]
            missing = [n for n, p in wanted if p.grad is None]
            zero = [n for n, p in wanted if p.grad is not None and not bool(p.grad.any())]
        if missing or zero:
            shown = ", ".join([*missing, *zero][:NAMES_SHOWN]) + (" ..." if len(missing + zero) > NAMES_SHOWN else "")
            raise failed(
                "gradients",
                f"the loss does not reach {shown}",
                [Measurement("parameters without a gradient", len(missing), expected=0),
                 Measurement("parameters whose gradient is zero", len(zero), expected=0)],
                "use these layers in `forward`, keep `detach()`, `.item()` and `no_grad()` out of it, or freeze them",
                "TL213",
            )  # fmt: skip

    def eval_is_repeatable(self, model: nn.Module, inputs: Any) -> None:
        """Assert that a model in evaluation mode gives the same outputs twice, and changes no buffer of its own.

        Args:
            model: Any.
            inputs: As the model is called.

        Raises:
            SanityError: If it does not.
        """
        with _apart(model) as net, torch.no_grad():
            net.eval()
            before = {n: b.clone() for n, b in net.named_buffers()}
            first, second = _flat(_call(net, inputs)), _flat(_call(net, inputs))
            moved = [n for n, b in net.named_buffers() if n in before and not torch.equal(b, before[n])]
        differ = max((float((a - b).abs().max()) for a, b in zip(first, second, strict=True) if a.numel()), default=0.0)
        if moved or differ or not all(torch.equal(a, b) for a, b in zip(first, second, strict=True)):
            raise failed(
                "repeatable",
                "two calls in evaluation mode differ" if not moved else f"evaluation changes the buffer {moved[0]}",
                [Measurement("largest difference", differ, expected=0),
                 Measurement("buffers that changed", len(moved), expected=0)],
                "use `nn.Dropout` rather than `F.dropout(x)`, and pass `self.training` where functions ask for it",
                "TL218",
            )  # fmt: skip

    def climbs_clean(
        self, script: str | Path, *args: str, to: int = 3, budget: float = 120.0, fail_on: str = "warning"
    ) -> None:
        """Assert that a training program climbs the ladder without a finding.

        Args:
            script: The program, with ``args`` as its arguments; it runs in its own folder.
            args: Its arguments.
            to: The last rung.
            budget: Wall seconds for all experiments together.
            fail_on: "error", "warning" or "never".

        Raises:
            SanityError: With the whole report, if there is one, or if the program could not be judged.
        """
        path = Path(script).resolve()
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "report.json"
            words = ["climb", "--to", str(to), "--budget", str(budget), "--fail-on", fail_on, "--json", str(file), "-q"]
            done = subprocess.run(
                [sys.executable, "-m", "torchladder", *words, path.name, *args],
                cwd=path.parent, capture_output=True, text=True, check=False, timeout=10 * budget + 60,
            )  # fmt: skip
            if done.returncode == 0:
                return
            if not file.is_file():
                raise failed("climb", done.stderr.strip() or "the climb failed", [], f"run: torchladder climb {script}")
            report = report_json.load(file)
        read = _reader(path.parent)
        raise failed("climb", f"\n{render(report, read=read)}", [], f"torchladder climb {script}")


# --- what they share ------------------------------------------------------------------------------


@contextmanager
def _apart(model: nn.Module) -> Iterator[nn.Module]:
    """Give a copy of the model, and put the random number generators back."""
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        yield copy.deepcopy(model)


def _parts(batch: Batch) -> tuple[Any, Any]:
    if len(batch) != 2:  # noqa: PLR2004
        msg = "a batch is (inputs, targets)"
        raise ValueError(msg)
    return batch[0], batch[1]


def _call(model: nn.Module, x: Any) -> Any:
    if isinstance(x, Mapping):
        return model(**x)
    return model(*x) if isinstance(x, tuple) else model(x)


def _loss_for(y: Any) -> Loss:
    """Return cross entropy for class ids and squared error for values."""
    if not isinstance(y, torch.Tensor):
        msg = "name the loss: targets that are no tensor have no usual one"
        raise TypeError(msg)
    return nn.functional.mse_loss if y.is_floating_point() else nn.functional.cross_entropy


def _flat(out: Any) -> list[torch.Tensor]:
    """Return the tensors of an output, in order."""
    if isinstance(out, torch.Tensor):
        return [out]
    inner = out.values() if isinstance(out, Mapping) else out if isinstance(out, list | tuple) else ()
    return [t for one in inner for t in _flat(one)]


def _reader(folder: Path) -> Callable[[str], list[str] | None]:
    from torchladder.report.excerpt import read_source

    return lambda path: read_source(str(folder / path))
