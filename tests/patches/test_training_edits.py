"""Edits of the training loop: clipping, accumulation, options, what is made or set once, schedules."""

from typing import Any

import pytest

from tests.patches.test_edits import edited
from torchladder.core.findings import Change, Finding, Fix, Place, Severity
from torchladder.patches import diff_for
from torchladder.report.patch import apply, parse

MADE = "opt = torch.optim.SGD(net.parameters(), lr=0.1)\n"
STEP = MADE + "for x in xs:\n    loss = net(x)\n    loss.backward()\n    # now\n    {}\n"
OTHER = '[p for group in opt.param_groups for p in group["params"]]'


@pytest.mark.parametrize(
    ("made", "step", "above"),
    [
        (MADE, "opt.step()", "torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)"),
        (MADE.replace("net.parameters()", "groups"), "opt.step()", f"torch.nn.utils.clip_grad_norm_({OTHER}, 2.0)"),
        (
            MADE,
            "scaler.step(opt)",
            "scaler.unscale_(opt)\n    torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)",
        ),
    ],
)
def test_gradients_are_clipped_before_the_step(made: str, step: str, above: str) -> None:
    """Of what the optimizer holds, by its short name where there is one; unscaled first where a scaler steps."""
    text = STEP.format(step).replace(MADE, made)
    above = above.replace("torch.nn.utils", "nn.utils")  # as short as the file's imports allow

    assert edited(text, "clip_gradients", [6], max_norm=2.0) == text.replace("    # now", f"    {above}\n    # now")


@pytest.mark.parametrize(
    "text",
    [
        STEP.format("opt.step()").replace("# now", "nn.utils.clip_grad_value_(net.parameters(), 1)"),
        STEP.format("opt.step(closure)"),
        STEP.format("self.advance()").replace(MADE, ""),
    ],
)
def test_what_is_clipped_already_or_steps_unseen(text: str) -> None:
    """No second clipping, none around a closure, none where no step is found."""
    assert edited(text, "clip_gradients", [text.count("\n")], max_norm=1.0) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nn.utils.clip_grad_norm_(ps, 1e-4)\n", "nn.utils.clip_grad_norm_(ps, 3)\n"),
        ("nn.utils.clip_grad_norm_(ps, max_norm=0.0001)\n", "nn.utils.clip_grad_norm_(ps, max_norm=3)\n"),
        ("C = 1e-4\nnn.utils.clip_grad_norm_(ps, C)\n", "C = 3\nnn.utils.clip_grad_norm_(ps, C)\n"),
        ("fit(gradient_clip_val=1e-4)\n", "fit(gradient_clip_val=3)\n"),
        ("fit(gradient_clip_val=1e-4); fit(gradient_clip_val=1e-4)\n", None),
        ("nn.utils.clip_grad_norm_(ps, 1e-4 * n)\n", None),
        ("nn.utils.clip_grad_norm_(ps, 0.5)\n", None),
        ("clip(ps, 1e-4)\n", None),
    ],
)
def test_a_limit_is_raised_where_it_is_written(text: str, expected: str | None) -> None:
    """Only the number that was in use."""
    assert expected == edited(text, "no_clipping", [text.count("\n")], was=1e-4, max_norm=3.0)


SUM = """\
k = 4
for i, x in enumerate(xs):
    loss = net(x)
    {}
    if (i + 1) % k == 0:
        opt.step()
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loss.backward()", "(loss / k).backward()"),
        ("scaler.scale(loss).backward()", "scaler.scale(loss / k).backward()"),
        ("self.manual_backward(a + b)", "self.manual_backward((a + b) / k)"),
        ("(loss / k).backward()", None),
        ("accelerator.backward(loss)", None),
        ("loss.backward(g)", None),
    ],
)
def test_each_batch_adds_its_share(old: str, new: str | None) -> None:
    """The number is the one that the step waits for; the loss that is printed stays whole."""
    expected = SUM.format(new) if new else None

    assert expected == edited(SUM.format(old), "scale_gradients", [4], name=ACCUMULATED, factor=0.25)


ACCUMULATED = "gradient-accumulation-unscaled"


def test_no_share_of_an_unknown_number() -> None:
    """Another number than was measured, or none in sight."""
    text = SUM.format("loss.backward()")

    assert edited(text, "scale_gradients", [4], name=ACCUMULATED, factor=0.5) is None
    assert edited(text.replace("% k", "> k"), "scale_gradients", [4], name=ACCUMULATED, factor=0.25) is None
    assert "(loss / args.k)" in (
        edited(text.replace("% k", "% args.k"), "scale_gradients", [4], name=ACCUMULATED, factor=0.25) or ""
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("l = F.mse_loss(a, b, reduction='sum')\n", "l = F.mse_loss(a, b, reduction='mean')\n"),
        ("c = nn.MSELoss(reduction='sum')\nl = c(a, b)\n", "c = nn.MSELoss(reduction='mean')\nl = c(a, b)\n"),
        (
            "c = functools.partial(F.mse_loss, reduction='sum')\nl = c(a, b)\n",
            "c = functools.partial(F.mse_loss, reduction='mean')\nl = c(a, b)\n",
        ),
        ("l = F.mse_loss(a, b).sum()\n", None),
        ("l = F.mse_loss(a, b, reduction=how)\n", None),
        ("m = total_loss / len(data.dataset); l = F.mse_loss(a, b, reduction='sum')\n", None),
    ],
)
def test_a_sum_becomes_a_mean(text: str, expected: str | None) -> None:
    """Where nothing divides the sum by the number of samples later."""
    found = edited(text, "scale_gradients", [text.count("\n")], name="loss-reduction-sum", factor=0.1)

    assert found == expected


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("loss = -f(x)\nloss.backward()\n", "remove the minus", "loss = f(x)\nloss.backward()\n"),
        ("loss = (a - b).mean()\nloss.backward()\n", "add the minus", "loss = -(a - b).mean()\nloss.backward()\n"),
        ("loss = f(x)\n(-loss).backward()\n", "remove the minus", "loss = f(x)\nloss.backward()\n"),
        ("loss = f(x)\n(loss + a).backward()\n", "add the minus", None),
        ("loss -= f(x)\nloss.backward()\n", "add the minus", None),
        ("a, loss = f(x)\nloss.backward()\n", "add the minus", None),
    ],
)
def test_the_sign_of_a_loss_is_turned(text: str, title: str, expected: str | None) -> None:
    """Where the loss that is differentiated gets its value."""
    found = edited(text, "scale_gradients", [1, 2], title=title, name="loss-wrong-sign", factor=-1.0)

    assert found == expected


def test_an_optimizer_no_longer_maximises() -> None:
    """By its flag, which stands once in the file."""
    text = "o = torch.optim.SGD(ps, lr=1.0, maximize=True)\nloss = f(x)\nloss.backward()\n"
    title = "remove `maximize=True`"

    assert text.replace("True", "False") == edited(text, "scale_gradients", [2, 3], title=title, name="loss-wrong-sign")
    assert edited(text + text, "scale_gradients", [2, 3], title=title, name="loss-wrong-sign") is None


OPTIONS: list[tuple[str, dict[str, Any], str | None]] = [
    ("o = torch.optim.SGD(ps, lr=1, momentum=0.99)\n", {"option": "momentum", "was": 0.99, "value": 0.9}, "0.99/0.9"),
    ("o = torch.optim.Adam(ps, betas=(0.99, 0.9))\n", {"option": "betas", "was": 0.99, "value": 0.9}, "0.99/0.9"),
    ("o = torch.optim.SGD(ps, weight_decay=0.3)\n", {"option": "weight_decay", "was": 0.3, "factor": 0.1}, "0.3/0.03"),
    (
        "o = torch.optim.SGD([{'params': ps, 'weight_decay': 0.3}, {'params': qs, 'weight_decay': 0.0}])\n",
        {"option": "weight_decay", "was": 0.3, "factor": 0.1},
        "0.3/0.03",
    ),
    ("o = torch.optim.SGD(ps, weight_decay=wd)\n", {"option": "weight_decay", "was": 0.3, "factor": 0.1}, None),
    ("o = torch.optim.SGD(ps, **given)\n", {"option": "momentum", "was": 0.99, "value": 0.9}, None),
    ("o = torch.optim.SGD(ps, momentum=0.95)\n", {"option": "momentum", "was": 0.99, "value": 0.9}, None),
    ("o = make(ps, momentum=0.99)\n", {"option": "momentum", "was": 0.99, "value": 0.9}, None),
]


@pytest.mark.parametrize(("text", "args", "change"), OPTIONS)
def test_an_option_of_the_optimizer(text: str, args: dict[str, Any], change: str | None) -> None:
    """Where it is written as the number that was in use."""
    old, _, new = (change or "").partition("/")
    expected = text.replace(old, new, 1) if change else None

    assert expected == edited(text, "set_option", [1], **args)


ONCE = """\
net = Net()
for epoch in range(9):
    for x in xs:
        # anew
        opt = torch.optim.Adam(net.parameters(), lr=0.1)  # Adam
        net(x).backward()
"""


def test_an_optimizer_is_made_above_the_loops() -> None:
    """Out of all that it does not depend on; other lines and remarks stay."""
    line = "opt = torch.optim.Adam(net.parameters(), lr=0.1)  # Adam\n"
    expected = ONCE.replace("        " + line, "").replace("for epoch", f"{line}for epoch")

    assert expected == edited(ONCE, "keep_optimizer", [5])


def test_an_optimizer_that_is_made_above_already_is_not_made_again() -> None:
    """If that is the very same."""
    line = "opt = torch.optim.Adam(net.parameters(), lr=0.1)  # Adam\n"
    text = ONCE.replace("for epoch", f"{line}for epoch")

    assert text.replace("        " + line, "") == edited(text, "keep_optimizer", [6])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lr=0.1", "lr=0.1 / (1 + x)"),
        ("net(x).backward()", "net = Net()"),
        ("# anew", "if epoch == 3:"),
        ("net.parameters()", "ps(x)"),
        ("net(x).backward()", "net.load_state_dict(first)"),
    ],
)
def test_an_optimizer_that_the_loop_needs_anew_stays(old: str, new: str) -> None:
    """Its rate, its network, its condition or its weights are those of one round."""
    text = ONCE.replace(old, new)
    if new.startswith("if"):
        text = text.replace("        opt =", "            opt =")

    assert edited(text, "keep_optimizer", [5]) is None


INSIDE = """\
def improve(net, x, rate):
    opt = torch.optim.Adam(net.parameters(), lr=rate)
    net(x).backward()
    opt.step()


def fit(model):
    for epoch in range(9):
        for x in xs:
            improve(model, x, 0.1)
"""


def test_an_optimizer_of_a_function_is_handed_in() -> None:
    """Made above the loops that call it, of what the caller passes."""
    expected = INSIDE.replace("    opt = torch.optim.Adam(net.parameters(), lr=rate)\n", "")
    expected = expected.replace("x, rate)", "x, rate, opt)").replace("x, 0.1)", "x, 0.1, opt)")
    above = "    opt = torch.optim.Adam(model.parameters(), lr=0.1)\n"

    assert expected.replace("    for epoch", f"{above}    for epoch") == edited(INSIDE, "keep_optimizer", [2])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lr=rate", "lr=rate * len(x)"),
        ("rate):", "rate=1):"),
        ("improve(model, x, 0.1)", "improve(model, x, 0.1), improve(model, x, 0.1)"),
        ("range(9):", "range(9):\n        opt = 1"),
        ("range(9):", "range(9):\n        model = Net()"),
        ("def improve", "@timed\ndef improve"),
        ("improve(model, x, 0.1)", "improve(*all)"),
        ("    net(x)", "    net = net.to(device)\n    net(x)"),
    ],
)
def test_an_optimizer_of_a_function_that_needs_its_call_stays(old: str, new: str) -> None:
    """It depends on the batch, the call is not plain, or a name means something else outside."""
    text = INSIDE.replace(old, new)

    assert edited(text, "keep_optimizer", [3 if "@" in new else 2]) is None


SEEDED = (
    "torch.manual_seed(0)\n\n\ndef epoch():\n    torch.manual_seed({})\n    go()\n\n\nfor i in range(9):\n    epoch()\n"
)


def test_a_seed_is_set_once() -> None:
    """Above its loop, or by the line that sets it at the start of the program."""
    assert edited("for i in range(9):\n    torch.manual_seed(0)\n    go()\n", "keep_seed", line=2) == (
        "torch.manual_seed(0)\nfor i in range(9):\n    go()\n"
    )
    assert edited(SEEDED.format(1), "keep_seed", line=5) == SEEDED.format(1).replace("    torch.manual_seed(1)\n", "")


def test_a_seed_that_is_a_default_everywhere_is_as_good_as_written_out() -> None:
    """The line that uses it goes."""
    text = SEEDED.format("s").replace("def epoch()", "def epoch(s=3)")

    assert text.replace("    torch.manual_seed(s)\n", "") == edited(text, "keep_seed", line=5)
    assert edited(text.replace("    epoch()", "    epoch(i)"), "keep_seed", line=5) is None


def test_a_function_that_seeds_is_called_once() -> None:
    """The line that goes is its call in the loop, not the line in the function."""
    text = (
        "def seed_all(s):\n    torch.manual_seed(s)\n\n\nseed_all(3)\nfor i in range(9):\n    seed_all(3)\n    go()\n"
    )

    assert text.replace("    seed_all(3)\n", "") == edited(text, "keep_seed", line=2)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("for i in range(9):\n    torch.manual_seed(i)\n    go()\n", 2),
        ("for i in range(9):\n    torch.manual_seed(f())\n    go()\n", 2),
        (SEEDED.format(1).replace("torch.manual_seed(0)\n", "pass\n"), 5),
        (SEEDED.format("s").replace("def epoch()", "def epoch(s)"), 5),
        ("for i in range(9):\n    g = start(0)\n", 2),
    ],
)
def test_a_seed_that_differs_or_is_the_only_one_stays(text: str, line: int) -> None:
    """By the round, by a call, without another at the start, or given by the caller."""
    assert edited(text, "keep_seed", line=line) is None


SCHEDULE = """\
opt = torch.optim.SGD(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.{made}
for epoch in range(9):
    for x in xs:
        net(x).backward()
        opt.step(){inner}
        # the next batch
        seen += 1{outer}
    print(epoch)
"""
INNER, OUTER = "\n        sched.step()", "\n    sched.step()"


def test_a_schedule_in_epochs_steps_once_an_epoch() -> None:
    """Behind the loop over the batches."""
    text = SCHEDULE.format(made="StepLR(opt, 3)", inner=INNER, outer="")

    assert SCHEDULE.format(made="StepLR(opt, 3)", inner="", outer=OUTER) == edited(
        text, "schedule_pace", [2, 7], phase=0, every=20
    )


def test_a_schedule_in_steps_steps_behind_the_optimizer() -> None:
    """Also one that was never stepped, if it can be nothing else."""
    text = SCHEDULE.format(made="OneCycleLR(opt, 0.1, total_steps=n)", inner="", outer=OUTER)
    expected = SCHEDULE.format(made="OneCycleLR(opt, 0.1, total_steps=n)", inner=INNER, outer="")

    assert expected == edited(text, "schedule_pace", [2, 9], phase=0)
    assert expected == edited(text.replace(OUTER, ""), "schedule_pace", [2], phase=0)
    assert edited(text.replace(OUTER, "").replace("OneCycleLR", "StepLR"), "schedule_pace", [2], phase=0) is None


def test_a_schedule_that_is_early_steps_later() -> None:
    """Behind the optimizer in its block, or at the end of the epoch."""
    text = SCHEDULE.format(made="StepLR(opt, 3)", inner="", outer="")
    early = text.replace("    for x", "    sched.step()\n    for x")
    batch = text.replace("        net(x)", "        sched.step()\n        net(x)")

    assert text.replace("    print", "    sched.step()\n    print") == edited(early, "schedule_pace", [4, 2], late=True)
    assert text.replace("opt.step()", "opt.step()" + INNER) == edited(batch, "schedule_pace", [5, 2], late=True)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (SCHEDULE.format(made="StepLR(opt, 3)", inner=INNER, outer=OUTER), [2, 7]),
        (SCHEDULE.format(made="StepLR(opt, 3)", inner=INNER.replace("sched", "ok = sched"), outer="") * 2, [2, 7]),
        ("sched = make(opt)\nfor x in xs:\n    net(x).backward()\n    sched.step()\n", [1, 4]),
        ("sched = torch.optim.lr_scheduler.StepLR(opt, 3)\nfor x in xs:\n    go()\n    sched.step()\n", [1, 4]),
    ],
)
def test_a_schedule_whose_step_is_not_evident_stays(text: str, where: list[int]) -> None:
    """More than one step, two schedulers, one of unknown make, and a loop that does not train."""
    assert edited(text, "schedule_pace", where, phase=0, every=20) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CosineAnnealingLR(o, T_max=5)", "CosineAnnealingLR(o, T_max=epochs)"),
        ("CosineAnnealingLR(o, 5)", "CosineAnnealingLR(o, epochs)"),
        ("CosineAnnealingLR(o, 6)", None),
        ("CosineAnnealingLR(o, n // 2)", None),
        ("StepLR(o, 5)", None),
    ],
)
def test_a_schedule_is_as_long_as_the_run(text: str, expected: str | None) -> None:
    """By the name of that number, where the file has one."""
    whole = "epochs = 9\ns = torch.optim.lr_scheduler.{}\nfor i in range(epochs):\n    s.step()\n"
    new = whole.format(expected) if expected else None

    assert new == edited(whole.format(text), "schedule_pace", [2, 4], phase=0, every=2, was=5, length=9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ReduceLROnPlateau(o)", 'ReduceLROnPlateau(o, mode="max")'),
        ("ReduceLROnPlateau(o, 'min', patience=2)", "ReduceLROnPlateau(o, 'max', patience=2)"),
        ("ReduceLROnPlateau(o, mode=m)", None),
        ("ReduceLROnPlateau(o, **how)", None),
        ("StepLR(o, 3)", None),
    ],
)
def test_a_plateau_is_watched_the_other_way(text: str, expected: str | None) -> None:
    """Where the mode is written, or left to its default."""
    head = "s = torch.optim.lr_scheduler."

    assert (f"{head}{expected}\n" if expected else None) == edited(f"{head}{text}\n", "plateau_mode", [1], mode="max")


def test_line_ends_and_tabs_of_the_file_are_kept() -> None:
    """Moved lines are as far indented as their new neighbours, and end as the others do."""
    loop = "import torch\nfor i in range(9):\n\ttorch.manual_seed(0)\n\tgo()\n".replace("\n", "\r\n")
    change = Change("keep_seed", {"path": "train.py", "line": 3})
    found = Finding("TL507", "seed-reset-each-epoch", Severity.WARNING, 4, "m", where=(Place("train.py", 3),))
    diff = diff_for(found, Fix("fix", change=change), {"train.py": loop}.__getitem__)

    assert diff is not None
    assert apply(parse(diff)[0], loop) == ("import torch\r\ntorch.manual_seed(0)\r\nfor i in range(9):\r\n\tgo()\r\n")
