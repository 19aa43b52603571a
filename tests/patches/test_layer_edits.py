"""Edits of losses, loaders and layers: what a loss leaves out, weighs or compares, what a layer is given."""

import pytest

from tests.patches.test_edits import edited
from torchladder.core.findings import Measurement


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("l = F.cross_entropy(a, b)\n", "l = F.cross_entropy(a, b, ignore_index=0)\n"),
        ("PAD = 0\nl = F.cross_entropy(a, b)\n", "PAD = 0\nl = F.cross_entropy(a, b, ignore_index=PAD)\n"),
        (
            "c = nn.CrossEntropyLoss(weight=w)\nl = c(a, b)\n",
            "c = nn.CrossEntropyLoss(weight=w, ignore_index=0)\nl = c(a, b)\n",
        ),
        ("c = nn.CrossEntropyLoss()\nm = c(d, e)\nl = c(a, b)\n", None),
        ("l = F.cross_entropy(a, b, ignore_index=3)\n", None),
        ("l = F.mse_loss(a, b)\n", None),
        ("l = F.cross_entropy(*pair)\n", None),
    ],
)
def test_a_loss_leaves_one_target_out(text: str, expected: str | None) -> None:
    """Where it is called or made, by the name that the file has for padding; not for another loss as well."""
    assert expected == edited(text, "ignore_index", line=text.count("\n"), function="cross_entropy", id=0)


LOADER = "from torch.utils.data import DataLoader\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = DataLoader(s, 4, shuffle=True)\n", "a = DataLoader(s, 4, shuffle=True, drop_last=True)\n"),
        ("a = DataLoader(s, drop_last=False)\n", "a = DataLoader(s, drop_last=True)\n"),
        ("a = DataLoader(s, batch_sampler=b)\n", None),
        ("a = DataLoader(s, drop_last=flag)\n", None),
        ("a, b = DataLoader(s), DataLoader(t)\n", None),
        ("a = DataLoader(s, **given)\n", None),
    ],
)
def test_a_short_batch_is_left_out(text: str, expected: str | None) -> None:
    """By the loader that is trained on, and not by others."""
    assert (LOADER + expected if expected else None) == edited(LOADER + text, "drop_short", [2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d = nn.Dropout(0.95)\n", "d = nn.Dropout(0.05)\n"),
        ("d = nn.Dropout2d(p=0.95)\n", "d = nn.Dropout2d(p=0.05)\n"),
        ("y = F.dropout(x, 0.95, self.training)\n", "y = F.dropout(x, 0.05, self.training)\n"),
        ("P = 0.95\nd = nn.Dropout(P)\n", "P = 0.05\nd = nn.Dropout(P)\n"),
        ("d = nn.Dropout(1 - keep)\n", None),
        ("d = nn.Dropout(0.5)\n", None),
        ("d = Dropout(0.95)\n", None),
    ],
)
def test_a_dropout_drops_less(text: str, expected: str | None) -> None:
    """Where the share that was seen is written."""
    seen = (Measurement("share", 0.95),)

    assert expected == edited(text, "set_dropout", [text.count("\n")], seen=seen, p=0.05)


METHOD = "class N(nn.Module):\n    def forward(self, x):\n        return {}\n"
ATTEND = "F.scaled_dot_product_attention(x, x, x, dropout_p={})"


@pytest.mark.parametrize(
    ("call", "function", "expected"),
    [
        ("F.dropout(x, 0.3)", "dropout", "F.dropout(x, 0.3, training=self.training)"),
        ("F.dropout(x, 0.3, True)", "dropout", "F.dropout(x, 0.3, self.training)"),
        (
            ATTEND.format("0.1"),
            "scaled_dot_product_attention",
            ATTEND.format("0.1 if self.training else 0.0"),
        ),
        ("F.dropout(x, 0.3, training=on)", "dropout", None),
        ("F.dropout(F.dropout(x))", "dropout", None),
    ],
)
def test_a_dropout_follows_the_mode(call: str, function: str, expected: str | None) -> None:
    """Of the module in whose method it is called."""
    new = METHOD.format(expected) if expected else None

    assert new == edited(METHOD.format(call), "set_dropout", line=3, function=function, gate=True)
    outside = f"def f(x):\n    return {call}\n"
    assert edited(outside, "set_dropout", line=2, function=function, gate=True) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = x.view(n, -1)\n", "y = x.transpose(0, 1).reshape(n, -1)\n"),
        ("y = (a + b).reshape(n, -1)\n", "y = (a + b).transpose(0, 1).reshape(n, -1)\n"),
        ("y = torch.reshape(x, (n, -1))\n", None),
        ("y, z = x.view(n, -1), w.view(n, -1)\n", None),
        ("y = x.flatten(1)\n", None),
    ],
)
def test_the_batch_comes_first(text: str, expected: str | None) -> None:
    """Before the sizes are joined, which stay as they are."""
    function = "view" if "view" in text else "flatten" if "flatten" in text else "reshape"

    assert expected == edited(text, "batch_first", line=1, function=function, axis=1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("n / n.sum()", "n.sum() / n"),
        ("n / len(n)", "len(n) / n"),
        ("torch.tensor(n / n.mean())", "torch.tensor(n.mean() / n)"),
        ("k * n / n.sum()", "n.sum() / (k * n)"),
        ("n", None),
        ("n / m.sum()", None),
        ("1 - n / n.sum()", None),
        ("(n / n.sum()) ** 2", None),
        ("n * n.sum()", None),
    ],
)
def test_weights_are_turned_over(old: str, new: str | None) -> None:
    """Where they are counts over one number."""
    text = "w = {}\nc = nn.CrossEntropyLoss(weight=w.to(device))\nl = c(x, y)\n"

    assert (text.format(new) if new else None) == edited(
        text.format(old), "class_weights", line=3, function="cross_entropy"
    )


CELL = """\
class N(nn.Module):
    def __init__(self):
        self.rnn = nn.GRU(2, 3)

    def forward(self, x{}):
        y, {h} = self.rnn(x, {h})
        return y
"""


def test_a_layer_begins_without_a_state() -> None:
    """If the state is not what a caller passes."""
    text = CELL.format("", h="self.h")

    assert text.replace("(x, self.h)", "(x)") == edited(text, "reset_state", [6], layer="GRU", whole=False)
    assert edited(CELL.format(", h", h="h"), "reset_state", [6], layer="GRU", whole=False) is None
    assert edited(text.replace("nn.GRU(", "Cell("), "reset_state", [6], layer="GRU", whole=False) is None
    assert edited(text.replace("(x, self.h)", "(*all)"), "reset_state", [6], layer="GRU", whole=False) is None


BATCHES = "net.train()\nh = net.start()\nfor x in xs:\n    y, h = net(x, h.detach())\n    y.sum().backward()\n"


def test_each_batch_begins_with_the_first_state() -> None:
    """The line that makes it moves into the loop that trains."""
    expected = "net.train()\nfor x in xs:\n    h = net.start()\n    y, h = net(x, h.detach())\n    y.sum().backward()\n"

    assert expected == edited(BATCHES, "reset_state", [4], layer="N", whole=True)
    twice = "h = None\n" + BATCHES
    assert edited(twice, "reset_state", [5], layer="N", whole=True) is None
    assert edited(BATCHES.replace(".backward()", ""), "reset_state", [4], layer="N", whole=True) is None
    summed = BATCHES.replace("y, h = net(x, h.detach())", "h += net(x)")
    assert edited(summed, "reset_state", [4], layer="N", whole=True) is None


@pytest.mark.parametrize(
    ("by", "old", "new"),
    [
        (1, "net(x).view(-1, 9), y.view(-1)", "net(x)[:, :-1].reshape(-1, 9), y[:, 1:].reshape(-1)"),
        (1, "net(x).flatten(0, 1), y.flatten()", "net(x)[:, :-1].flatten(0, 1), y[:, 1:].flatten()"),
        (-1, "o[:, :-1].flatten(0, 1), y[:, 1:].flatten()", "o.flatten(0, 1), y.flatten()"),
        (-1, "o[..., :-1, :].reshape(-1, 9), y[..., 1:].reshape(-1)", "o.reshape(-1, 9), y.reshape(-1)"),
        (1, "o, y", None),
        (1, "o[:, :-1].flatten(0, 1), y.flatten()", None),
        (-1, "o[:, :-1].flatten(0, 1), y.flatten()", None),
        (2, "o.flatten(0, 1), y.flatten()", None),
    ],
)
def test_targets_are_shifted_once(by: int, old: str, new: str | None) -> None:
    """Where both sides are made flat in the call of the loss."""
    text = "l = F.cross_entropy({})\n"
    expected = text.format(new) if new else None

    assert expected == edited(
        text.format(old), "shift_targets", line=1, function="cross_entropy", by=by, length=8, axis=1
    )
