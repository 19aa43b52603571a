"""Each kind of edit on small texts: what it writes, and when it writes nothing."""

from collections.abc import Sequence
from textwrap import dedent
from typing import Any

import pytest

from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity
from torchladder.patches import diff_for
from torchladder.report.patch import apply, parse

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
N_HEAD = HEAD.count("\n")


def edited(
    text: str,
    kind: str,
    where: Sequence[int] = (),
    *,
    title: str = "fix",
    seen: tuple[Measurement, ...] = (),
    name: str = "some-rule",
    **args: Any,
) -> str | None:
    """Return the text after the diff of a change, without the imports put above it; None without a diff.

    Lines are counted from 1 in ``text`` as it is written in the test.
    """
    whole = HEAD + dedent(text)
    places = tuple(Place("train.py", line + N_HEAD) for line in where)
    if "line" in args:
        args |= {"path": "train.py", "line": args["line"] + N_HEAD}
    finding = Finding("TL000", name, Severity.ERROR, 3, "message", where=places, seen=seen)
    diff = diff_for(finding, Fix(title, change=Change(kind, args)), {"train.py": whole}.__getitem__)
    if diff is None:
        return None
    (one,) = parse(diff)
    new = apply(one, whole)
    compile(new, "train.py", "exec")
    assert new.startswith(HEAD)
    return new.removeprefix(HEAD)


SKIPPED = [
    ("y = F.softmax(net(x), dim=1)\n", "softmax", None, "y = net(x)\n"),
    ("y = torch.softmax(input=x, dim=1)\n", "softmax", None, "y = x\n"),
    ("y = net(x).softmax(1)\n", "softmax", None, "y = net(x)\n"),
    ("y = net(x).softmax(dim=-1).squeeze(1)\n", "softmax", None, "y = net(x).squeeze(1)\n"),
    ("y = -torch.relu(a + b)\n", "relu", None, "y = -(a + b)\n"),
    ("y = torch.sigmoid(a + b).view(-1)\n", "sigmoid", None, "y = (a + b).view(-1)\n"),
    ("y = torch.relu(\n    a\n    + b\n)\n", "relu", None, "y = (a\n    + b)\n"),
    ("y = nn.Softmax(dim=1)(x)\n", "softmax", None, "y = x\n"),
    ("act = nn.ReLU()\ny = act(x)\n", "relu", None, "act = nn.ReLU()\ny = x\n"),
    ("y = self.act(self.fc(x))\n", "relu", "act", "y = self.fc(x)\n"),
    ("y = self.softmax(self.fc(x))\n", "softmax", "softmax", "y = self.fc(x)\n"),
    ("y = torch.sigmoid(x); a = [t > 0.5 for t in ts]\n", "sigmoid", None, "y = x; a = [t > 0.5 for t in ts]\n"),
    ("states.append(h.data)\n", "data.__get__", None, "states.append(h)\n"),
    ("x = block(x).detach()\n", "detach", None, "x = block(x)\n"),
]


@pytest.mark.parametrize(("text", "function", "module", "expected"), SKIPPED)
def test_a_call_gives_way_to_its_operand(text: str, function: str, module: str | None, expected: str) -> None:
    """Functions, methods and layers alike, with parentheses where they are needed."""
    line = text.rstrip().count("\n") + 1 if text.startswith("act") else 1

    assert expected == edited(text, "skip_call", line=line, function=function, module=module)


@pytest.mark.parametrize(
    ("text", "function", "module"),
    [
        ("y = F.softmax(a, 1) + F.softmax(b, 1)\n", "softmax", None),
        ("y = softmax(x)\n", "softmax", None),
        ("y = self.relu(x)\n", "relu", None),
        ("y = x.numpy()\n", "numpy", None),
        ("y = fun(x)\n", "softmax", None),
        ("y = torch.sigmoid(net(x))\nright = (y > 0.5).sum()\n", "sigmoid", None),
        ("y = torch.sigmoid(net(x))\nright = y.round() == t\n", "sigmoid", None),
        ("class Block(nn.Module):\n    def forward(self, x): return torch.relu(x)\n", "relu", "blocks.1"),
    ],
)
def test_a_call_that_is_not_evident_stays(text: str, function: str, module: str | None) -> None:
    """Two calls, a name of unknown origin, a threshold elsewhere, a class with several instances."""
    line = 2 if text.startswith("class") else 1

    assert edited(text, "skip_call", line=line, function=function, module=module) is None


def test_the_body_of_no_grad_moves_out() -> None:
    """The block's lines are kept as they are, one level up."""
    text = "def forward(self, x):\n    with torch.no_grad():\n        # features\n        x = self.a(x)\n    return x\n"
    expected = "def forward(self, x):\n    # features\n    x = self.a(x)\n    return x\n"

    assert expected == edited(text, "skip_call", line=4, function="no_grad")


LAYERS = [
    ("net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())\n", 1, "1", "net = nn.Sequential(nn.Linear(2, 3))\n"),
    (
        "net = nn.Sequential(\n    nn.Linear(2, 3),\n    nn.ReLU(),\n    nn.Linear(3, 1),\n    nn.ReLU(),\n)\n",
        5,
        "3",
        "net = nn.Sequential(\n    nn.Linear(2, 3),\n    nn.ReLU(),\n    nn.Linear(3, 1),\n)\n",
    ),
    (
        "from collections import OrderedDict\n"
        'net = nn.Sequential(OrderedDict([("fc", nn.Linear(2, 3)), ("act", nn.ReLU())]))\n',
        2,
        "act",
        'from collections import OrderedDict\nnet = nn.Sequential(OrderedDict([("fc", nn.Linear(2, 3))]))\n',
    ),
    (
        'net.add_module("fc", nn.Linear(2, 3))\nnet.add_module("act", nn.ReLU())\n',
        2,
        "act",
        'net.add_module("fc", nn.Linear(2, 3))\n',
    ),
]


def test_the_only_layer_of_its_kind_is_found_without_a_line() -> None:
    """When neither the line that made it nor its name is known."""
    text = "net = nn.Sequential(nn.Linear(2, 3), nn.Tanh())\ny = net(x)\n"
    again = text + "other = nn.Tanh()\n"

    assert text.replace(", nn.Tanh()", "") == edited(text, "skip_call", [2], line=2, function="tanh")
    assert edited(again, "skip_call", [2], line=2, function="tanh") is None


@pytest.mark.parametrize(("text", "line", "module", "expected"), LAYERS)
def test_the_last_layer_leaves_its_sequential(text: str, line: int, module: str, expected: str) -> None:
    """Where the call is hidden in torch, the line that made the layer is edited."""
    assert expected == edited(text, "skip_call", [line], line=line, function="relu", module=module)


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("net = nn.Sequential(nn.ReLU(), nn.Linear(2, 3))\n", "0"),
        ("net = nn.Sequential(*body, nn.ReLU())\n", "3"),
        ("nets = [nn.Sequential(nn.Linear(2, 3), nn.ReLU()) for _ in range(3)]\n", "1"),
        ("def block(): return nn.Sequential(nn.Linear(2, 3), nn.ReLU())\na, b = block(), block()\n", "1"),
        ("layers.append(nn.ReLU())\n", "4"),
    ],
)
def test_a_layer_that_others_depend_on_stays(text: str, module: str) -> None:
    """Not the last, or made by a line that makes several."""
    assert edited(text, "skip_call", [1], line=1, function="relu", module=module) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = F.log_softmax(x, dim=0)\n", "y = F.log_softmax(x, dim=1)\n"),
        ("y = F.softmax(x, 0).log()\n", "y = F.softmax(x, 1).log()\n"),
        ("y = x.softmax(0)\n", "y = x.softmax(1)\n"),
        ("y = F.softmax(x)\n", "y = F.softmax(x, dim=1)\n"),
        ("y = nn.Softmax(dim=0)(x)\n", "y = nn.Softmax(dim=1)(x)\n"),
        ("y = F.softmax(a, 0) * F.softmax(b, 0)\n", None),
    ],
)
def test_the_axis_of_a_softmax(text: str, expected: str | None) -> None:
    """The number is replaced where it stands, or given where it was left out."""
    assert expected == edited(text, "softmax_dim", [1], line=1, function="softmax", dim=1)


COLUMN = (Measurement("shape of the element-wise result", [32, 32], expected=[32]),)


@pytest.mark.parametrize(
    ("text", "seen", "expected"),
    [
        ("loss = F.mse_loss(net(x), y)\n", COLUMN, "loss = F.mse_loss(net(x).squeeze(-1), y)\n"),
        ("loss = F.mse_loss(net(x), y)\n", (), "loss = F.mse_loss(net(x).view_as(y), y)\n"),
        ("loss = F.mse_loss(out, y)\n", COLUMN, "loss = F.mse_loss(out, y.view_as(out))\n"),
        ("loss = ((net(x) - y) ** 2).mean()\n", COLUMN, "loss = ((net(x).view_as(y) - y) ** 2).mean()\n"),
        ("mse = nn.MSELoss()\nloss = mse(out, y)\n", (), "mse = nn.MSELoss()\nloss = mse(out, y.view_as(out))\n"),
        ("loss = own(net(x), y)\n", COLUMN, None),
        ("loss = (a - b) * (c - d)\n", COLUMN, None),
    ],
)
def test_shapes_are_aligned_where_they_meet(text: str, seen: tuple[Measurement, ...], expected: str | None) -> None:
    """In the call of the loss, or in a difference."""
    line = text.count("\n")

    assert expected == edited(text, "align_shapes", seen=seen, line=line)


@pytest.mark.parametrize(
    ("text", "function", "by", "expected"),
    [
        ("l = F.nll_loss(x, y)\n", "nll_loss", "cross_entropy", "l = F.cross_entropy(x, y)\n"),
        (
            "crit = nn.NLLLoss(weight=w)\nl = crit(x, y)\n",
            "nll_loss",
            "cross_entropy",
            "crit = nn.CrossEntropyLoss(weight=w)\nl = crit(x, y)\n",
        ),
        ("crit = nn.NLLLoss()\ncrit = nn.NLLLoss()\nl = crit(x, y)\n", "nll_loss", "cross_entropy", None),
        (
            "crit = nn.BCELoss()\nl = crit(x, y)\n",
            "binary_cross_entropy",
            "binary_cross_entropy_with_logits",
            "crit = nn.BCEWithLogitsLoss()\nl = crit(x, y)\n",
        ),
        (
            "l = F.cross_entropy(x, y, label_smoothing=0.1)\n",
            "cross_entropy",
            "binary_cross_entropy_with_logits",
            None,
        ),
        (
            "l = F.nll_loss(x.softmax(dim=1), y)\n",
            "nll_loss",
            "nll_of_log_softmax",
            "l = F.nll_loss(x.log_softmax(dim=1), y)\n",
        ),
        ("l = F.nll_loss(p, y)\n", "nll_loss", "nll_of_log_softmax", "l = F.nll_loss(p.clamp_min(1e-12).log(), y)\n"),
        (
            "l = F.cross_entropy(x, F.one_hot(y, 10))\n",
            "cross_entropy",
            "cross_entropy_indices",
            "l = F.cross_entropy(x, y)\n",
        ),
        (
            "l = F.cross_entropy(x, y)\n",
            "cross_entropy",
            "cross_entropy_indices",
            "l = F.cross_entropy(x, y.argmax(1))\n",
        ),
        ("l = wrong.mean()\n", "custom", "cross_entropy", None),
    ],
)
def test_another_loss(text: str, function: str, by: str, expected: str | None) -> None:
    """By another name where it is called or made, or with other arguments."""
    assert expected == edited(text, "replace_loss", line=text.count("\n"), function=function, by=by)


def test_an_own_loss_function_gives_way_to_torchs() -> None:
    """Only if it takes a prediction and labels, and is called once."""
    own = "def ce(out, labels):\n    return -out[labels].mean()\n\n\n"

    assert own + "l = F.cross_entropy(x, y)\n" == edited(
        own + "l = ce(x, y)\n", "replace_loss", line=2, function="custom", by="cross_entropy"
    )
    twice = own + "l = ce(x, y)\nm = ce(x, y)\n"
    assert edited(twice, "replace_loss", line=2, function="custom", by="cross_entropy") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("l = F.cross_entropy(y, net(x))\n", "l = F.cross_entropy(net(x), y)\n"),
        ("l = F.cross_entropy(input=y, target=x)\n", "l = F.cross_entropy(input=x, target=y)\n"),
        ("l = F.cross_entropy(*pair)\n", None),
        ("l = crit(y, x)\n", None),
    ],
)
def test_loss_arguments_change_places(text: str, expected: str | None) -> None:
    """By position or by name."""
    assert expected == edited(text, "swap_loss_arguments", line=1, function="cross_entropy")


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        ("l = F.cross_entropy(x, y)\n", {"offset": -1}, "l = F.cross_entropy(x, y - 1)\n"),
        ("l = F.cross_entropy(x, y)\n", {"offset": 0.5, "scale": 0.5}, "l = F.cross_entropy(x, y * 0.5 + 0.5)\n"),
        ("l = F.cross_entropy(x, y)\nright = x.argmax(1) == y\n", {"offset": -1}, None),
    ],
)
def test_labels_are_moved_only_where_nothing_else_reads_them(
    text: str, args: dict[str, float], expected: str | None
) -> None:
    """An accuracy that compares with the old labels forbids it."""
    assert expected == edited(text, "offset_labels", line=1, function="cross_entropy", **args)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t = torch.from_numpy(a).long()\n", "t = torch.from_numpy(a).float()\n"),
        ("t = a.to(torch.int64)\n", "t = a.to(torch.float32)\n"),
        ("t = a.to(dtype=torch.long)\n", "t = a.to(dtype=torch.float32)\n"),
        ("t = a.type(torch.LongTensor)\n", "t = a.type(torch.FloatTensor)\n"),
        ("t, u = a.long(), b.long()\n", None),
        ("t = a.to(device)\n", None),
    ],
)
def test_a_cast_keeps_the_fractions(text: str, expected: str | None) -> None:
    """Whichever way the type was named."""
    assert expected == edited(text, "no_cast", line=1)


LOOP = """\
for x, y in loader:
    loss = net(x)
    # gradients
    loss.backward()
    {}
"""


@pytest.mark.parametrize(
    ("step", "optimizer"), [("opt.step()", "opt"), ("self.opt.step()", "self.opt"), ("scaler.step(opt)", "opt")]
)
def test_gradients_are_cleared_before_backward(step: str, optimizer: str) -> None:
    """With the name that steps, at the same indentation."""
    text = LOOP.format(step)
    expected = text.replace("    # gradients", f"    {optimizer}.zero_grad()\n    # gradients")

    assert expected == edited(text, "zero_grad", [4, 5])


def test_gradients_are_cleared_after_the_step_of_another_network() -> None:
    """A GAN's second backward pass has a clearing of its own."""
    text = "d_loss.backward()\nd_opt.step()\ng_loss = g()\ng_loss.backward()\ng_opt.step()\n"

    assert text.replace("g_loss.back", "g_opt.zero_grad()\ng_loss.back") == edited(text, "zero_grad", [4, 5])


def test_gradients_are_cleared_after_a_step_that_stands_elsewhere() -> None:
    """Accumulation: the backward passes before the step belong together."""
    text = "for x in xs:\n    for y in ys:\n        f(x, y).backward()\n    opt.step()\n"

    assert text + "    opt.zero_grad()\n" == edited(text, "zero_grad", [3, 4])


@pytest.mark.parametrize("step", ["opt.step(closure)", "update(opt)", "get().step()"])
def test_no_optimizer_no_edit(step: str) -> None:
    """A name is needed to clear with."""
    assert edited(LOOP.format(step), "zero_grad", [4, 5]) is None


def test_clearing_moves_before_backward() -> None:
    """The line itself is moved, options and all."""
    text = "loss = f()\nloss.backward()\nopt.zero_grad(set_to_none=True)\nopt.step()\n"
    expected = "loss = f()\nopt.zero_grad(set_to_none=True)\nloss.backward()\nopt.step()\n"

    assert expected == edited(text, "keep_grads", [3, 4, 2])
    assert edited("loss.backward()\nreset(opt)\nopt.step()\n", "keep_grads", [2, 3, 1]) is None


def test_a_step_is_added_behind_the_clipping() -> None:
    """By the name that the line of its making gives it."""
    text = "opt = make()\nopt.zero_grad()\nloss.backward()\nnn.utils.clip_grad_norm_(p, 1.0)\nprint(loss)\n"
    expected = text.replace("print", "opt.step()\nprint")

    assert expected == edited(text, "step_after_backward", [3, 1])
    assert edited("train(make())\nloss.backward()\n", "step_after_backward", [2, 1]) is None


def test_a_step_outside_the_loop_moves_in() -> None:
    """It follows the backward pass it was meant for."""
    text = "for x in xs:\n    f(x).backward()\n    print(x)\nopt.step()\n"
    expected = "for x in xs:\n    f(x).backward()\n    opt.step()\n    print(x)\n"

    assert expected == edited(text, "step_after_backward", [4, 2])


def test_a_loss_is_differentiated_before_the_step() -> None:
    """Where the loss has a name in the same block."""
    text = "loss = F.mse_loss(a, b)\nopt.zero_grad()\nopt.step()\n"

    assert text.replace("opt.step", "loss.backward()\nopt.step") == edited(text, "backward_before_step", [3, 1])
    assert text.replace("opt.step", "loss.backward()\nopt.step") == edited(text, "backward_before_step", [3])
    assert edited("log(F.mse_loss(a, b))\nopt.step()\n", "backward_before_step", [2, 1]) is None


EPOCHS = """\
def test():
    net.eval()


for epoch in range(3):
    total = 0
    for x in loader:
        net(x).sum().backward(){}
    test()
"""


def test_the_mode_is_set_at_the_start_of_an_epoch() -> None:
    """At the head of the outer loop, when the evaluation comes after the training."""
    text = EPOCHS.format("")

    assert text.replace("    total", "    net.train()\n    total") == edited(text, "train_mode", [8, 2])


def test_the_mode_is_set_at_each_step_when_evaluations_lie_between() -> None:
    """Nothing less would do."""
    text = EPOCHS.format("\n        test()")

    assert text.replace("        net(x)", "        net.train()\n        net(x)") == edited(text, "train_mode", [8, 2])


def test_the_mode_needs_a_model_with_a_name() -> None:
    """Two candidates, or none, are no model."""
    assert edited("for x in loader:\n    nets[0](x).backward()\n", "train_mode", [2]) is None
    assert edited("a.eval()\nb.eval()\nfor x in xs:\n    a(b(x)).backward()\n", "train_mode", [4, 1]) is None


def test_a_new_head_is_unfrozen_after_the_loop() -> None:
    """If the loop does nothing else, the optimizer takes what requires grad, and the file itself put the part there."""
    text = """\
    net.head = nn.Linear(2, 2)
    for p in net.parameters():
        p.requires_grad = False
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    """
    expected = dedent(text).replace("opt =", "net.head.requires_grad_(True)\nopt =")

    assert expected == edited(text, "unfreeze", [3, 1], names=["head.weight", "head.bias"])
    assert expected == edited(text, "unfreeze", [3, 1], names=["body.0.weight", "head.weight"])
    assert edited(text, "unfreeze", [3, 1], names=["neck.weight", "body.weight"]) is None
    assert (
        edited(
            text.replace("net.parameters(), lr", "net.body[0].parameters(), lr"),
            "unfreeze",
            [3, 1],
            names=["head.weight"],
        )
        is None
    )


def test_activations_are_put_between_listed_layers() -> None:
    """In the layout of the list."""
    text = "net = nn.Sequential(\n    nn.Linear(2, 3),  # in\n    nn.Linear(3, 3),\n    nn.Linear(3, 1),\n)\n"
    expected = (
        "net = nn.Sequential(\n    nn.Linear(2, 3),  # in\n    nn.ReLU(),\n    nn.Linear(3, 3),\n    nn.ReLU(),\n"
        "    nn.Linear(3, 1),\n)\n"
    )

    assert expected == edited(text, "insert_relu", [2], modules=["0", "1"])
    assert edited("net = nn.Sequential(*layers)\n", "insert_relu", [1], modules=["0"]) is None


def test_activations_are_put_around_calls() -> None:
    """One call inside another included."""
    text = """\
    class Net(nn.Module):
        def forward(self, x):
            return self.head(self.fc2(self.fc1(x)))
    """
    expected = dedent(text).replace("self.fc2(self.fc1(x))", "torch.relu(self.fc2(torch.relu(self.fc1(x))))")

    assert expected == edited(text, "insert_relu", [3], modules=["fc1", "fc2"])


RATES = [
    ("opt = torch.optim.SGD(p, lr=0.5)\n", 1, "opt = torch.optim.SGD(p, lr=0.05)\n"),
    ("opt = torch.optim.SGD(p, 0.5)\n", 1, "opt = torch.optim.SGD(p, 0.05)\n"),
    ("LR = 0.5\nopt = torch.optim.SGD(p, lr=LR)\n", 2, "LR = 0.05\nopt = torch.optim.SGD(p, lr=LR)\n"),
    (
        'a.add_argument("--lr", type=float, default=0.5)\nopt = torch.optim.SGD(p, lr=args.lr)\n',
        2,
        'a.add_argument("--lr", type=float, default=0.05)\nopt = torch.optim.SGD(p, lr=args.lr)\n',
    ),
    (
        "def fit(lr=0.1):\n    opt = torch.optim.SGD(p, lr=lr)\n\n\nfit(lr=0.5)\n",
        2,
        "def fit(lr=0.1):\n    opt = torch.optim.SGD(p, lr=lr)\n\n\nfit(lr=0.05)\n",
    ),
    (
        "c = {'lr': 0.5}\nopt = torch.optim.SGD(p, lr=c['lr'])\n",
        2,
        "c = {'lr': 0.05}\nopt = torch.optim.SGD(p, lr=c['lr'])\n",
    ),
    ("opt = torch.optim.SGD(p, lr=0.1 * n)\n", 1, None),
    ("opt = torch.optim.SGD(p, lr=0.7)\n", 1, None),
    ("lr = f()\nlr = 0.5\nopt = torch.optim.SGD(p, lr=lr)\n", 3, None),
    ("opt = torch.optim.SGD([{'params': p, 'lr': 0.5}], lr=0.5)\n", 1, None),
    ("opt = make(p, lr=0.5)\n", 1, None),
]


@pytest.mark.parametrize(("text", "line", "expected"), RATES)
def test_the_rate_is_changed_where_it_is_written(text: str, line: int, expected: str | None) -> None:
    """Only a number that gives the rate that was tried."""
    assert expected == edited(text, "scale_lr", [line], title="lower the learning rate to 0.05", factor=0.1)


def test_a_rate_of_zero_is_replaced() -> None:
    """And no other: a schedule is elsewhere."""
    assert edited("o = torch.optim.Adam(p, lr=0.0)\n", "set_lr", [1], lr=0.001) == "o = torch.optim.Adam(p, lr=0.001)\n"
    assert edited("o = torch.optim.Adam(p, lr=0.1)\n", "set_lr", [1], lr=0.001) is None


IMPORT = "from torch.utils.data import DataLoader\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d = DataLoader(s, batch_size=4)\n", "d = DataLoader(s, batch_size=4, shuffle=True)\n"),
        ("d = DataLoader(s, 4, False)\n", "d = DataLoader(s, 4, True)\n"),
        ("d = DataLoader(s, shuffle=False, batch_size=4)\n", "d = DataLoader(s, shuffle=True, batch_size=4)\n"),
        (
            "d = DataLoader(\n    s,\n    batch_size=4,\n)\n",
            "d = DataLoader(\n    s,\n    batch_size=4,\n    shuffle=True,\n)\n",
        ),
        (
            "d = DataLoader(\n    s,\n    batch_size=4\n)\n",
            "d = DataLoader(\n    s,\n    batch_size=4,\n    shuffle=True\n)\n",
        ),
        ("d = DataLoader(s, sampler=mine)\n", None),
        ("d = DataLoader(s, shuffle=flag)\n", None),
        ("a, b = [DataLoader(s) for s in sets]\n", None),
    ],
)
def test_a_loader_is_shuffled(text: str, expected: str | None) -> None:
    """In the layout of the call, and only the training loader."""
    assert (IMPORT + expected if expected else None) == edited(IMPORT + text, "shuffle", [2])


@pytest.mark.parametrize(
    ("text", "function", "expected"),
    [
        ("l = torch.log(1 - p)\n", "log", "l = torch.log((1 - p).clamp_min(1e-6))\n"),
        ("l = p.log() + (1 - p).log()\n", "log", "l = p.clamp_min(1e-6).log() + (1 - p).clamp_min(1e-6).log()\n"),
        ("n = m.sum()\nl = a / n\n", "__truediv__", "n = m.sum()\nl = a / n.clamp_min(1e-6)\n"),
        ("l = (a / 2 * m).sum() / m.sum()\n", "__truediv__", "l = (a / 2 * m).sum() / m.sum().clamp_min(1e-6)\n"),
        ("l = a.sum() / m.sum() / k.sum()\n", "__truediv__", None),
        ("n = 3\nl = a / n\n", "__truediv__", None),
        ("l = a / b / c\n", "__truediv__", None),
        ("l = torch.acos(p)\n", "acos", None),
        ("l = math.log(p)\n", "log", None),
    ],
)
def test_operands_are_kept_from_zero(text: str, function: str, expected: str | None) -> None:
    """Divisors only where they are tensors with a name and never negative."""
    seen = (Measurement("operand's range", [0.0, 4.0]),)
    text = "import math\n" + text if "math" in text else text

    assert expected == edited(text, "clamp_operand", seen=seen, line=text.count("\n"), function=function, eps=1e-6)


def test_layers_in_a_plain_list_are_registered() -> None:
    """In the class that holds them, once the base class is ready."""
    text = """\
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = [Block() for _ in range(3)]
            self.pos = torch.zeros(4, requires_grad=True)


    opt = torch.optim.SGD(Net().parameters(), lr=0.1)
    """
    whole = dedent(text)
    rule = "unregistered-parameters"

    assert whole.replace("[Block() for _ in range(3)]", "nn.ModuleList([Block() for _ in range(3)])") == edited(
        text, "add_to_optimizer", [4], name=rule, names=["Net:blocks[0].fc.weight"]
    )
    assert whole.replace(
        "torch.zeros(4, requires_grad=True)", "nn.Parameter(torch.zeros(4, requires_grad=True))"
    ) == edited(text, "add_to_optimizer", [5], name=rule, names=["pos"])
    assert edited(text, "add_to_optimizer", [4], name=rule, names=["blocks[0].w", "pos"]) is None
    early = text.replace("super().__init__()", "pass")
    assert edited(early, "add_to_optimizer", [4], name=rule, names=["blocks[0].w"]) is None


def test_an_optimizer_of_parts_gets_the_whole() -> None:
    """When all parts belong to one model that the file calls."""
    text = """\
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(2, 2), nn.Linear(2, 2)
            self.tail = nn.Linear(2, 2)


    net = Net()
    opt = torch.optim.SGD([*net.body.parameters(), *net.head.parameters()], lr=0.1)
    net(x)
    """
    expected = dedent(text).replace("[*net.body.parameters(), *net.head.parameters()]", "net.parameters()")

    assert expected == edited(text, "add_to_optimizer", [9], names=["tail.weight"])
    assert edited(text.replace("*net.head", "*other.head"), "add_to_optimizer", [9], names=["tail.weight"]) is None


def test_an_optimizer_of_another_instance_is_repointed() -> None:
    """When exactly one instance of that class has a name."""
    text = "class Net(nn.Module): ...\n\n\nnet = Net()\nopt = torch.optim.SGD(Net().parameters(), lr=0.1)\n"

    assert text.replace("Net().parameters", "net.parameters") == edited(text, "repoint_optimizer", [5])
    twice = text.replace("net = Net()\n", "net = Net()\ntwo = Net()\n")
    assert edited(twice, "repoint_optimizer", [6]) is None


@pytest.mark.parametrize("kind", ["drop_nonfinite", "advance_loader", "reinitialise", "source", "steps", "../x"])
def test_what_has_no_edit_has_no_diff(kind: str) -> None:
    """Some remedies are for the user to write."""
    assert edited("x = 1\n", kind, [1]) is None
