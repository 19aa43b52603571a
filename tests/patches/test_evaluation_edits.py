"""Edits of the evaluation: its mode, its graphs, the state that is kept, and what its outputs are read as."""

from textwrap import dedent

import pytest

from tests.patches.test_edits import HEAD, edited
from torchladder.core.findings import Change, Finding, Fix, Place, Severity
from torchladder.patches import diff_for
from torchladder.report.patch import apply, parse

EPOCHS = """\
def evaluate(model, loader):
    \"\"\"Return the accuracy.\"\"\"
    right = 0
    for x, y in loader:
        right += (model(x).argmax(1) == y).sum().item()
    return right


for epoch in range(9):
    model.train()
    for x, y in train:
        F.cross_entropy(model(x), y).backward()
        opt.step()
    print(evaluate(model, test))
"""
ONCE = EPOCHS.replace("for epoch in range(9):\n    model.train()\n", "model.train()\nfor epoch in range(9):\n")


def test_evaluation_mode_begins_with_its_function() -> None:
    """Behind the docstring; training mode comes back by the loop itself."""
    expected = EPOCHS.replace("    right = 0\n", "    model.eval()\n    right = 0\n")

    assert expected == edited(EPOCHS, "eval_mode", [4, 5])


def test_training_mode_comes_back_where_no_loop_brings_it() -> None:
    """A program that calls train() once is not left in evaluation mode after the first epoch."""
    expected = ONCE.replace("    right = 0\n", "    model.eval()\n    right = 0\n").replace(
        "    return right\n", "    model.train()\n    return right\n"
    )

    assert expected == edited(ONCE, "eval_mode", [4, 5])
    every_step = EPOCHS.replace("        opt.step()\n    print", "        opt.step()\n        print")
    assert "    model.train()\n    return right\n" in (edited(every_step, "eval_mode", [4, 5]) or "")


BOTH = """\
def run(model, loader, opt=None):
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        if opt is not None:
            loss.backward()
            opt.step()


model.to(device)
for epoch in range(9):
    run(model, train, opt)
    run(model, test)
"""


def test_a_function_that_does_both_goes_by_its_flag() -> None:
    """The condition under which it differentiates."""
    expected = BOTH.replace("    for x, y", "    model.train(opt is not None)\n    for x, y")

    assert expected == edited(BOTH, "eval_mode", [2, 3])
    flag = BOTH.replace("opt=None", "fit").replace("opt is not None", "fit")
    assert "    model.train(fit)\n" in (edited(flag, "eval_mode", [2, 3]) or "")
    assert edited(BOTH.replace("opt is not None", "len(x) > 1"), "eval_mode", [2, 3]) is None


def test_evaluation_mode_that_is_named_is_called() -> None:
    """A method without its parentheses does nothing."""
    text = EPOCHS.replace("    right = 0\n", "    model.eval\n    right = 0\n")

    assert text.replace("model.eval\n", "model.eval()\n") == edited(text, "eval_mode", [5, 6])


def test_evaluation_mode_before_the_lines_of_a_script() -> None:
    """Before the outermost loop or ``with`` that does not train."""
    text = """\
    for epoch in range(9):
        model.train()
        for x, y in train:
            F.cross_entropy(model(x), y).backward()

        # held out
        with torch.no_grad():
            for x, y in test:
                right = model(x)
    """
    expected = dedent(text).replace("    # held out", "    model.eval()\n    # held out")

    assert expected == edited(text, "eval_mode", [7, 9])
    without = dedent(text).replace("    model.train()\n", "").replace("    # held out\n", "")
    found = edited("model.to(device)\n" + without, "eval_mode", [6, 8]) or ""
    assert "\n    model.eval()\n    with torch.no_grad():" in found
    assert found.endswith("            right = model(x)\n    model.train()\n")


EVAL_REFUSED = {
    "beside its backward": ("model.train()\nfor x in xs:\n    y = model(x)\n    y.backward()\n", 3),
    "called for training too": (
        "def step(model, x):\n    return model(x).sum()\n\n\nmodel.train()\nfor x in xs:\n    l = step(model, x)\n"
        "    l.backward()\nstep(model, x)\n",
        2,
    ),
    "two models": ("a.eval()\nb.eval()\ny = a(b(x))\n", 3),
    "nothing known as a model": ("y = f(x)\n", 1),
    "a forward pass": (
        "class N(nn.Module):\n    def forward(self, x):\n        self.a.train()\n        return self.a(x)\n",
        4,
    ),
    "called already": ("def f(m, x):\n    m.eval()\n    y = m(x)\n    m.train()\n", 3),
    "a framework's training step": (
        "class N(nn.Module):\n    def training_step(self, x):\n        return self(x)\n\n\nn.parameters()\n",
        3,
    ),
    "parts in evaluation mode": ("model.body.eval()\nfor x in xs:\n    model(x).backward()\n    p = [model(z)]\n", 4),
}


@pytest.mark.parametrize(("text", "line"), EVAL_REFUSED.values(), ids=EVAL_REFUSED)
def test_where_evaluation_mode_could_reach_training(text: str, line: int) -> None:
    """Nothing is written."""
    assert edited(text, "eval_mode", [line]) is None


def test_an_evaluating_function_is_decorated() -> None:
    """Beneath the decorators that it has."""
    assert EPOCHS.replace("def evaluate", "@torch.no_grad()\ndef evaluate") == edited(EPOCHS, "without_grad", [4, 5])


def test_evaluating_lines_are_put_under_no_grad() -> None:
    """One level deeper, with the comments inside, and the ones above above."""
    text = """\
    for epoch in range(9):
        F.cross_entropy(model(x), y).backward()
    model.eval()

    # all of it
    for x, y in test:
        # one batch
        right = model(x)
    """
    expected = dedent("""\
    for epoch in range(9):
        F.cross_entropy(model(x), y).backward()
    model.eval()

    # all of it
    with torch.no_grad():
        for x, y in test:
            # one batch
            right = model(x)
    """)

    assert expected == edited(text, "without_grad", [6, 8])


@pytest.mark.parametrize(
    "text",
    [
        EPOCHS.replace("    right = 0\n", "    x = x.requires_grad_()\n"),
        EPOCHS.replace("    right = 0\n", "    yield 0\n"),
        EPOCHS.replace("    return right\n", "    torch.autograd.grad(right, x)\n"),
        EPOCHS.replace("model(x).argmax", "f(x).argmax"),
        EPOCHS.replace("def eval", "@torch.inference_mode()\ndef eval").replace('    """Return the accuracy."""\n', ""),
    ],
)
def test_where_gradients_are_wanted_they_stay(text: str) -> None:
    """Input gradients, generators, and what is no model."""
    assert edited(text, "without_grad", [4, 5]) is None


def plain(text: str, kind: str, line: int, **args: object) -> str | None:
    """Return the whole text after an edit, imports included."""
    place = Place("train.py", line)
    finding = Finding("TL000", "some-rule", Severity.ERROR, 3, "message", where=(place,))
    change = Change(kind, {"path": "train.py", "line": line, **args})
    diff = diff_for(finding, Fix("fix", change=change), {"train.py": text}.__getitem__)
    return apply(parse(diff)[0], text) if diff else None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("best = model.state_dict()\n", "best = copy.deepcopy(model.state_dict())\n"),
        ("best = model.state_dict().copy()\n", "best = copy.deepcopy(model.state_dict())\n"),
        ("best, at = self.net.state_dict(), 3\n", "best, at = copy.deepcopy(self.net.state_dict()), 3\n"),
    ],
)
def test_a_kept_state_is_copied(old: str, new: str) -> None:
    """With the import above the others, apart from those that are not of the standard library."""
    assert plain(HEAD + old, "copy_state_dict", 4) == "import copy\n\n" + HEAD + new
    assert plain("import os\n" + old, "copy_state_dict", 2) == "import copy\nimport os\n" + new
    known = "from copy import deepcopy\n"
    assert plain(known + old, "copy_state_dict", 2) == known + new.replace("copy.deepcopy", "deepcopy")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "a, b = m.state_dict(), n.state_dict()\n",
        HEAD + "best = model.weights()\n",
        HEAD + "import copy\nbest = copy.deepcopy(model.state_dict())\n",
        HEAD + "other.load_state_dict(model.state_dict())\n",
        HEAD + "def f(copy):\n    best = model.state_dict()\n",
        "best = model.state_dict()\n",
    ],
)
def test_a_state_that_cannot_be_copied_by_name(text: str) -> None:
    """Two states, none, a name that is taken, and a file without imports."""
    assert plain(text, "copy_state_dict", text.count("\n")) is None


@pytest.mark.parametrize(
    ("text", "function", "expected"),
    [
        ("r = (net(x) > 0.5) == (y > 0.5)\n", "gt", "r = (torch.sigmoid(net(x)) > 0.5) == (y > 0.5)\n"),
        ("p = net(x)[:, 0]\nr = p >= 0.5\n", "ge", "p = net(x)[:, 0]\nr = torch.sigmoid(p) >= 0.5\n"),
        ("r = net(x).round() == y\n", "round", "r = torch.sigmoid(net(x)).round() == y\n"),
        ("r = net(x) > 0.0\n", "gt", None),
        ("r = y > 0.5\n", "gt", None),
        ("r = torch.sigmoid(net(x)) > 0.5\n", "gt", None),
    ],
)
def test_logits_become_probabilities(text: str, function: str, expected: str | None) -> None:
    """Where a model's output is read, and nowhere else."""
    head = "net.eval()\n"
    lines = text.count("\n") + 1

    assert (head + expected if expected else None) == edited(head + text, "read_logits", line=lines, function=function)


def test_frozen_layers_go_back_to_evaluation_mode() -> None:
    """After the line that puts them into training mode, with the indentation of the file."""
    text = "def fit(net):\n\tnet.train()\n\tnet(x)\n\n\nbn = nn.BatchNorm1d(3)\n"
    found = edited(text, "frozen_eval", [2]) or ""

    assert "\tnet.train()\n\tfor layer in net.modules():\n\t\tif isinstance(layer, nn.BatchNorm1d) and" in found
    assert edited("net.train(False)\n", "frozen_eval", [1]) is None
    assert edited("bn = nn.BatchNorm1d(3, affine=False)\nnet.train()\n", "frozen_eval", [2]) is None
    assert edited("layer = net.body\nnet.train()\n", "frozen_eval", [2]) is None
