"""Backward passes with one error planted are named; the same without it, and what people use every day, are right."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import torchladder
from torchladder.gradients.load import load

SPECIMENS = Path(__file__).with_name("specimens")

# ruff: noqa: E501
# specimen, its factory, the right passage, what replaces it, and the names that may be given first
PLANTS = [
    ("functions", "net", "grad.t() @ x, grad.sum(0)", "(grad.t() @ x).t(), grad.sum(0)", {"weight"}),
    ("functions", "net", "grad.t() @ x, grad.sum(0)", "grad.t() @ x, -grad.sum(0)", {"bias"}),
    ("functions", "net", "grad.t() @ x, grad.sum(0)", "grad.t() @ x, grad.mean(0)", {"bias"}),
    ("functions", "net", "grad.t() @ x, grad.sum(0)", "2 * grad.t() @ x, grad.sum(0)", {"weight"}),
    ("functions", "net", "grad.t() @ x, grad.sum(0)", "grad.t() @ x, None", {"bias"}),
    ("functions", "net", "return grad @ weight,", "return grad @ weight.t(),", {"gamma", "beta"}),
    ("functions", "net", "g = grad * gamma", "g = grad", {"first.weight", "first.bias"}),
    ("functions", "net", " - g.mean(-1, keepdim=True)", "", {"first.weight", "first.bias"}),
    ("functions", "net", "(grad * normed).sum(0), grad.sum(0)", "grad.sum(0), grad.sum(0)", {"gamma"}),
    ("functions", "net", "grad * (cdf + x * density)", "grad * cdf", {"gamma", "beta"}),
    ("functions", "net", "-0.5 * x * x", "-0.4995 * x * x", {"gamma", "beta"}),
    ("functions", "net", "grad.t() @ x, grad.sum(0)", "grad.t() @ x, grad.sum(1)", {"bias"}),
    ("functions", "loss", "grad * d / len(target)", "grad * d", {"logits"}),
    ("functions", "loss", "d / len(target), None", "p / len(target), None", {"logits"}),
    ("functions", "attention", " * scale\n        return ds", "\n        return ds", {"q", "k"}),
    ("functions", "attention", "ds.transpose(-1, -2) @ q", "ds @ q", {"k"}),
    ("functions", "attention", "(dp - (dp * p).sum(-1, keepdim=True))", "dp", {"q", "k"}),
    ("layers", "network", "grad @ self.W.T", "(grad @ self.W.T)[:, ::-1]", {"layers.2.W", "layers.2.b"}),
    ("layers", "network", "self.dW = self.x.T @ grad", "self.dW = self.x.T @ grad / len(grad)", {"layers.4.W", "layers.0.W"}),
    ("layers", "network", "self.x = x\n", "self.x = getattr(self, 'x', x)\n", {"layers.0.W", "layers.2.W", "layers.4.W"}),
    ("layers", "network", "return grad * self.mask", "return grad", {"layers.2.W", "layers.2.b", "layers.0.W", "layers.0.b"}),
    ("layers", "network", "self.db = grad.sum(axis=0)", "self.db = grad", {"layers.4.b", "layers.0.b"}),
    ("layers", "embedding", "np.add.at(self.grads[\"table\"], self.ids, grad)", "self.grads[\"table\"][self.ids] = grad", {"table"}),
    ("layers", "recurrent", "g[\"Wh\"] += self.states[t].T", "g[\"Wh\"] += self.states[t + 1].T", {"Wh"}),
    ("layers", "recurrent", "g[\"b\"] += da.sum(axis=0)", "g[\"b\"] = da.sum(axis=0)", {"b"}),
    ("layers", "recurrent", "grad = da @ p[\"Wh\"].T", "grad = da", {"Wx", "Wh", "b"}),
    ("pairs", "conv", "dw += np", "dw = np", {"w"}),
    ("pairs", "conv", "dx[:, :, i : i + k, j : j + k] += np", "dx[:, :, i : i + k, j : j + k] = np", {"x"}),
    ("pairs", "conv", "dout.sum(axis=(0, 2, 3))", "dout.sum(axis=(2, 3))", {"b"}),
    ("pairs", "pool", "dx = chosen *", "dx = 0.25 * np.ones_like(tiles) *", {"x"}),
    ("pairs", "norm", "d = dout * gamma", "d = dout", {"x"}),
    ("pairs", "norm", "normed * (d * normed).mean(axis=0)", "normed * d * normed", {"x"}),
    ("pairs", "softmax", "+ 0.2 * params", "+ 0.1 * params", {"W1"}),
    ("pairs", "softmax", " * (h > 0)", "", {"W1", "b1"}),
    ("pairs", "softmax", "\"b2\": d.sum(axis=0), ", "", {"b2"}),
    ("pairs", "valley", "g[1:] += 200", "g[1:] -= 200", {"x"}),
]  # fmt: skip

HEALTHY = [
    ("functions", "net"), ("functions", "loss"), ("functions", "attention"), ("layers", "network"),
    ("layers", "embedding"), ("layers", "recurrent"), ("pairs", "conv"), ("pairs", "pool"), ("pairs", "norm"),
    ("pairs", "softmax"), ("pairs", "valley"),
]  # fmt: skip

MODULES = {
    "convolution": (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 2, 6, 6)),
    "transposed convolution": (lambda: nn.ConvTranspose1d(2, 3, 3), (2, 2, 6)),
    "layer norm": (lambda: nn.LayerNorm(6), (4, 6)),
    "batch norm": (lambda: nn.BatchNorm2d(3), (4, 3, 5, 5)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (2, 4, 5)),
    "relu at zero": (nn.ReLU, None),
    "max pool with ties": (lambda: nn.MaxPool2d(2), None),
    "gelu": (nn.GELU, (4, 5)),
    "gru": (lambda: nn.GRU(3, 4, num_layers=2), (5, 2, 3)),
    "lstm": (lambda: nn.LSTM(3, 4, bidirectional=True), (5, 2, 3)),
    "transformer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
    "dropout": (lambda: nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), (3, 4)),
    "zero initialised": (lambda: zeroed(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))), (3, 4)),
    "writes into its input": (lambda: nn.ReLU(inplace=True), (3, 4)),
    "complex": (lambda: nn.Linear(3, 2, dtype=torch.complex64), "complex"),
    "clamp and absolute value": (lambda: nn.Sequential(nn.Hardtanh(), nn.Softsign(), nn.Softshrink()), (6, 5)),
}  # fmt: skip


def zeroed(module: nn.Module) -> nn.Module:
    for p in module.parameters():
        nn.init.zeros_(p)
    return module


def planted(tmp_path: Path, specimen: str, right: str, wrong: str) -> Path:
    text = (SPECIMENS / f"{specimen}.py").read_text()
    assert text.count(right) == 1
    file = tmp_path / f"{specimen}_planted.py"
    file.write_text(text.replace(right, wrong))
    return file


@pytest.mark.parametrize(("specimen", "make", "right", "wrong", "names"), PLANTS)
def test_a_planted_error_is_named(tmp_path: Path, specimen, make, right, wrong, names) -> None:
    """The first finding names the tensor at which the error arises."""
    report = torchladder.check_gradients(load(f"{planted(tmp_path, specimen, right, wrong)}:{make}"))

    assert report.verdict == "broken"
    assert report.cause is not None
    assert report.cause.name == "gradient-mismatch"
    assert report.cause.module in names


@pytest.mark.parametrize(("specimen", "make"), HEALTHY)
def test_a_right_backward_pass_is_left_alone(specimen, make) -> None:
    """All are judged, and none is flagged, also at ties and zeros."""
    report = torchladder.check_gradients(load(f"{SPECIMENS / specimen}.py:{make}"))

    assert (report.verdict, report.findings) == ("healthy", ()), report.sentence


@pytest.mark.parametrize("name", MODULES)
def test_modules_of_every_day_are_right(name: str) -> None:
    """Torch's own gradients are right, at random inputs and where they have corners."""
    torch.manual_seed(0)
    make, shape = MODULES[name]
    module = make()
    x = torch.zeros(2, 2, 4, 4) if shape is None else torch.randn(*shape) if isinstance(shape, tuple) else None
    if shape == "complex":
        x = torch.randn(4, 3, dtype=torch.complex64)
    report = torchladder.check_gradients(module, x)

    assert (report.verdict, report.findings) == ("healthy", ()), report.sentence


def test_an_embedding_leaves_its_padding_row_out() -> None:
    """That row is no parameter: its gradient is zero on purpose."""
    report = torchladder.check_gradients(nn.Embedding(6, 3, padding_idx=0), torch.tensor([[0, 2], [5, 0]]))

    assert report.verdict == "healthy"


def test_one_wrong_element_of_many_is_found() -> None:
    """In a tensor of 40,000 the element is named by halving."""

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx, grad):
            x, w = ctx.saved_tensors
            dw = x.t() @ grad
            dw[17, 91] *= 1.5
            return grad @ w.t(), dw

    torch.manual_seed(0)
    report = torchladder.check_gradients(Product, (torch.randn(8, 200), torch.randn(200, 200)))

    assert report.cause is not None
    assert report.cause.module == "w"
    assert "at [17, 91]" in report.cause.seen[0].what
    assert report.cause.seen[1].value == pytest.approx(1 / 3, rel=1e-3)


def test_between_the_thresholds_it_is_a_doubt() -> None:
    """A relative error of 1e-4 is neither right nor surely wrong."""
    x = np.random.default_rng(0).standard_normal(6)
    report = torchladder.check_gradients((lambda x: (x**2).sum(), lambda x: 2.0002 * x), x)

    assert report.cause is not None
    assert report.cause.severity.value == "warning"


def test_an_error_below_the_threshold_is_none() -> None:
    """What is right to 1e-5 is right."""
    x = np.random.default_rng(0).standard_normal(6)
    report = torchladder.check_gradients((lambda x: (x**2).sum(), lambda x: (2 + 4e-6) * x), x)

    assert report.verdict == "healthy"
