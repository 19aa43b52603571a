"""Seconds of a gradient check beside torch.autograd.gradcheck (fast and slow mode) and element by element.

Three modules of about 100,000 parameters whose first layer is an autograd function written by hand, right and with one
error planted in it. All are given the same float64 module, its parameters and its input; every way has to say whether
the gradients are right, and is asked afterwards whether it said which tensor and which element is wrong.

    python bench/gradcheck.py                  all three, three times each (the slow ways once)
    python bench/gradcheck.py --only mlp --quick      without the slow ways

Writes bench/results/gradcheck.json and gradcheck.md.
"""

# ruff: noqa: E501
import argparse
import contextlib
import copy
import json
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import torch
from torch import nn
from torch.autograd.gradcheck import GradcheckError

import torchladder

RESULTS = Path(__file__).parent / "results"
STEP = 1e-6
REPEATS = 3


class Written(torch.autograd.Function):
    """A linear layer."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.t() + bias

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return grad @ weight, grad.flatten(0, -2).t() @ x.flatten(0, -2), grad.flatten(0, -2).sum(0)


class Wrong(Written):
    """The same, but for one row of the weight's gradient."""

    @staticmethod
    def backward(ctx, grad):
        dx, dw, db = Written.backward(ctx, grad)
        dw = dw.clone()
        dw[7] *= 2
        return dx, dw, db


class Layer(nn.Module):
    def __init__(self, n_in, n_out, function):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / n_in**0.5)
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.function = function

    def forward(self, x):
        return self.function.apply(x, self.weight, self.bias)


def mlp(function):
    layers = [Layer(200, 256, function), nn.ReLU(), nn.Linear(256, 176), nn.Tanh(), nn.Linear(176, 20)]
    return nn.Sequential(*layers), torch.randn(8, 200)


def cnn(function):
    convolutions = [nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(Layer(8, 8, function), *convolutions, nn.Linear(256, 300), nn.GELU(), nn.Linear(300, 10)), (
        torch.randn(4, 3, 8, 8)
    )


def transformer(function):
    block = nn.TransformerEncoderLayer(64, 4, 400, dropout=0.0, batch_first=True)
    return nn.Sequential(Layer(64, 64, function), block, nn.Linear(64, 450)), torch.randn(2, 12, 64)


MODULES = {"mlp": mlp, "cnn": cnn, "transformer": transformer}


def moved(module):
    """Move parameters off their zeros and ones, as our own check does, so that all look at an ordinary point."""
    for p in module.parameters():
        p.data += 0.05 * torch.randn_like(p)
    return module


def call_of(module, x):
    """Return a function of input and parameters, and those."""
    names = [n for n, _ in module.named_parameters()]
    given = [x.requires_grad_(), *(p.detach().clone().requires_grad_() for p in module.parameters())]

    def call(x, *parameters):
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), (x,))

    return call, given, ["input", *names]


def ours(module, x):
    report = torchladder.check_gradients(module, x)
    named = report.cause is not None and report.cause.seen and "at [" in report.cause.seen[0].what
    return report.verdict == "healthy", report.cause.module if report.cause else None, bool(named)


def torchs(module, x, *, fast):
    call, given, _ = call_of(module, x)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.autograd.gradcheck(call, given, fast_mode=fast)
    except GradcheckError as error:
        return False, " ".join(str(error).split())[:80], False
    return True, None, False


def elementwise(module, x):
    """Compare every element of every tensor with a central difference of one weighted sum of the outputs."""
    call, given, names = call_of(module, x)
    out = call(*given)
    v = torch.randn_like(out)
    gradients = torch.autograd.grad((v * out).sum(), given)
    worst = (0.0, None, None)
    with torch.no_grad():
        for name, leaf, g in zip(names, given, gradients, strict=True):
            flat, claimed = leaf.view(-1), g.reshape(-1)
            for i in range(flat.numel()):
                kept = float(flat[i])
                flat[i] = kept + STEP
                right = call(*given)
                flat[i] = kept - STEP
                left = call(*given)
                flat[i] = kept
                n, a = float((v * (right - left)).sum()) / (2 * STEP), float(claimed[i])
                error = abs(a - n) / max(abs(a), abs(n), 1e-4)
                worst = max(worst, (error, name, i), key=lambda w: w[0])
    return worst[0] < 1e-3, worst[1] if worst[0] >= 1e-3 else None, worst[0] >= 1e-3


WAYS = {
    "torchladder gradcheck": (ours, REPEATS),
    "torch.autograd.gradcheck, fast": (lambda m, x: torchs(m, x, fast=True), REPEATS),
    "torch.autograd.gradcheck, slow": (lambda m, x: torchs(m, x, fast=False), 1),
    "element by element": (elementwise, 1),
}


def measured(name, function, way, repeats):
    """Return seconds (the median) and what was said."""
    seconds, said = [], None
    for _ in range(repeats if function is Written else 1):
        torch.manual_seed(0)
        module, x = MODULES[name](function)
        module, x = moved(module.double()), x.double()
        count = sum(p.numel() for p in module.parameters())
        started = time.perf_counter()
        said = way(copy.deepcopy(module), x)
        seconds.append(time.perf_counter() - started)
    return {"seconds": round(statistics.median(seconds), 3), "right": said[0], "named": said[1], "element": said[2],
            "parameters": count}  # fmt: skip


def table(found):
    """Return the results as Markdown."""
    lines = ["# Gradient checks: seconds", "", *__doc__.partition("\n\n")[2].partition("\n\n    python")[0].splitlines(), "",
             f"torch {torch.__version__}, float64, one thread of a shared machine.", ""]  # fmt: skip
    for name, rows in found.items():
        first = next(iter(rows.values()))
        lines += [f"## {name}, {first['parameters']:,} parameters", "", "| way | right module, s | wrong module, s | finds it "
                  "| names the tensor | names an element | times ours (right) |", "|---|---|---|---|---|---|---|"]  # fmt: skip
        base = rows["torchladder gradcheck, right"]["seconds"]
        for way in WAYS:
            good, bad = rows.get(f"{way}, right"), rows.get(f"{way}, wrong")
            if good is None:
                continue
            told = ["not run"] * 4
            if bad is not None:
                verdict = "yes" if good["right"] and not bad["right"] else "no" if good["right"] else "false alarm"
                tensor = "yes" if bad["named"] == "0.weight" else "no"
                told = [f"{bad['seconds']:.2f}", verdict, tensor, "yes" if bad["element"] else "no"]
            lines.append(f"| {way} | {good['seconds']:.3f} | {' | '.join(told)} | {good['seconds'] / base:.1f} |")
        lines.append("")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=sorted(MODULES))
    parser.add_argument(
        "--quick",
        action="store_true",
        help="leave out what takes minutes: the slow ways, and the fast mode's failures, which are shown in slow mode",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    stored = RESULTS / "gradcheck.json"
    found = json.loads(stored.read_text()) if stored.exists() else {}
    for name in [options.only] if options.only else MODULES:
        for way, (run, repeats) in WAYS.items():
            if options.quick and repeats == 1:
                continue
            for label, function in (("right", Written), ("wrong", Wrong)):
                if options.quick and label == "wrong" and run is not ours:
                    continue
                row = measured(name, function, run, repeats)
                found.setdefault(name, {})[f"{way}, {label}"] = row
                print(f"{name:<12} {way:<32} {label:<6} {row['seconds']:9.3f} s  {row['right']!s:<6} {row['named']}")
    RESULTS.mkdir(exist_ok=True)
    stored.write_text(json.dumps(found, indent=1) + "\n")
    with contextlib.suppress(OSError):
        (RESULTS / "gradcheck.md").write_text(table(found))


if __name__ == "__main__":
    sys.exit(main())
