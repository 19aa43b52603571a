"""Reports made by hand, one for each kind of page."""

from torchladder.core.findings import Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.core.report import Report, RungResult, State

SOURCE = """import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        x = self.fc(x.flatten(1))
        return F.softmax(x, dim=1)


def train(model, loader, optimizer, device, epochs, gradient_clip, scheduler, log_interval, use_amp=False):
    for x, y in loader:
        loss = F.cross_entropy(model(x.to(device)), y.to(device), label_smoothing=0.0, reduction="mean")
"""

DIFF = """--- a/train.py
+++ b/train.py
@@ -11,3 +11,3 @@
     def forward(self, x):
         x = self.fc(x.flatten(1))
-        return F.softmax(x, dim=1)
+        return x
"""

WHAT = "loss after 200 steps on one batch"

DATA = RungResult(
    1,
    "data",
    State.PASSED,
    "60,000 x [1, 28, 28] float32, 10 classes, balanced (1.0 : 1)",
    seconds=1.9,
    clear=("TL101", "TL102", "TL103"),
    unknown={"TL105": "the targets are not class ids"},
)
BASELINE = RungResult(
    2,
    "baseline",
    State.PASSED,
    "loss at step 0 is 2.31; chance is 2.303 = ln 10; majority class 10.0 %",
    seconds=2.2,
    clear=("TL301", "TL213"),
)
WAITING = (
    RungResult(4, "small data", State.SKIPPED, "waits for rung 3"),
    RungResult(5, "validation", State.SKIPPED, "waits for rung 3"),
)

SOFTMAX = Finding(
    "TL201",
    "double-softmax",
    Severity.ERROR,
    3,
    "`cross_entropy` is given probabilities, not logits",
    where=(Place("train.py", 13, 13, "Net.forward"), Place("train.py", 18, 18, "train")),
    seen=(
        Measurement("sum of each row of the loss's input", 1.0, expected="any number"),
        Measurement("lowest loss that 10 classes can reach", 1.4612, "nats", expected=0),
    ),
    fixes=(
        Fix(
            "return the logits",
            Trust.EXACT,
            diff=DIFF,
            verified=True,
            before=Measurement(WHAT, 1.4748),
            after=Measurement(WHAT, 0.00041),
            seconds=3.12,
            edited=True,
        ),
    ),
    remark="reaches `cross_entropy` at train.py:18",
)
PLATEAU = Finding("TL402", "plateau", Severity.WARNING, 3, "the loss does not move", symptom_of="TL201")
SEED = Finding(
    "TL419",
    "seed-unset",
    Severity.NOTE,
    2,
    "no seed is set, so two runs differ",
    where=(Place("train.py", 1),),
    fixes=(Fix("call `torch.manual_seed(0)` before the model is built", Trust.LIKELY),),
)

BROKEN = Report(
    1,
    "0.1.0",
    "train.py",
    "broken",
    "rung 3 is broken by double-softmax",
    SOFTMAX,
    (SOFTMAX, PLATEAU, SEED),
    (
        DATA,
        BASELINE,
        RungResult(
            3,
            "one batch",
            State.FAILED,
            "32 samples: loss 2.31 -> 1.48 after 200 steps; a healthy run is below 0.1",
        ),
        *WAITING,
    ),
    seconds=11.7,
    folder=".torchladder/20250102-030405-ab12",
    exit_status=1,
)

HEALTHY = Report(
    1,
    "0.1.0",
    "train.py",
    "healthy",
    "all 3 rungs passed in 9.8 s",
    None,
    (),
    (DATA, BASELINE, RungResult(3, "one batch", State.PASSED, "32 samples: loss 2.31 -> 0.0004 after 61 steps")),
    seconds=9.8,
    folder=".torchladder/20250102-030405-ab12",
)

UNDECIDED = Report(
    1,
    "0.1.0",
    "gan.py",
    "undecided",
    "nothing was found, but rung 3 could not be judged",
    None,
    (),
    (
        DATA,
        BASELINE,
        RungResult(
            3,
            "one batch",
            State.UNKNOWN,
            "two optimizers pull against each other; no loss of either must fall on one batch",
            unknown={
                "TL203": "rung 3 could not be judged",
                "TL101": "not asked",
                "TL202": "rung 3 could not be judged",
                "TL201": "no loss call was seen",
            },
            notes=("the discriminator's loss went 0.69 -> 0.02, the generator's 0.71 -> 4.10",),
        ),
    ),
    exit_status=5,
)

CRASHED = Report(
    1,
    "0.1.0",
    "train.py",
    "undecided",
    "train.py ended with an exception of its own before it could be judged",
    None,
    (),
    (RungResult(1, "data", State.UNKNOWN, "the program ended before its first training step"),),
    error={
        "type": "RuntimeError",
        "message": "mat1 and mat2 shapes cannot be multiplied (32x784 and 28x10)",
        "traceback": "Traceback (most recent call last):\n"
        '  File "train.py", line 18, in <module>\n'
        "    train(model, loader, optimizer)\n"
        '  File "/venv/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1783, in _wrapped_call_impl\n'
        "    return self._call_impl(*args, **kwargs)\n"
        "           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        '  File "/venv/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1889, in _call_impl\n'
        "    return inner()\n"
        '  File "train.py", line 12, in forward\n'
        "    x = self.fc(x.flatten(1))\n"
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x784 and 28x10)\n",
        "frames": [],
    },
    exit_status=3,
)

HOSTILE_SOURCE = "x = '\x1b]0;title\x07' + '[bold]not bold[/bold]' + " + " + ".join(f"part_{n}" for n in range(60))
HOSTILE = Report(
    1,
    "0.1.0",
    "a[red]b\x1b[31m.py",
    "broken",
    "\x1b[2Jgone",
    Finding(
        "TL301",
        "loss-broadcast",
        Severity.ERROR,
        2,
        "`part_58` meets [bold]markup[/bold] and \x1b[5mblinks\x1b[0m\nand a second line",
        where=(Place("evil\u202e.py", 1),),
        notes=("tab\there, bell\x07, link [link=file:///etc]x[/link] and :smile:",),
        remark="the remark stands beneath the line when there is no room for it behind the underline",
    ),
    (),
    (RungResult(2, "base[i]line", State.FAILED, "[/] \x9b31m [/nothing]"),),
)

OPEN_WHAT = "loss on one batch after 200 steps"
OPEN = Report(
    1,
    "0.1.0",
    "train.py",
    "broken",
    "rung 2 is broken by lr-too-low",
    Finding(
        "TL411",
        "lr-too-low",
        Severity.WARNING,
        2,
        "the learning rate is far below what the model needs",
        where=(Place("train.py", 18, 18, "train"),),
        fixes=(
            Fix(
                "raise the learning rate",
                before=Measurement(OPEN_WHAT, 0.4187),
                after=Measurement(OPEN_WHAT, 0.3951),
                seconds=2.3,
            ),
        ),
    ),
    (),
    (DATA, BASELINE),
    folder=".torchladder/20250102-030405-ab12",
    pictures=("batch.png",),
    exit_status=1,
)

SMOKE = Report(
    1,
    "0.1.0",
    "train.py",
    "healthy",
    "a training step and a validation pass went through",
    None,
    (),
    (
        RungResult(
            0,
            "smoke",
            State.PASSED,
            "training step: loss 2.31; validation pass ran; checkpoint written (best.pt)",
            notes=("first rows of a batch [32, 4] float32:", "0.1 0.2 -3.4 1 -> 7"),
            facts={"model": "Net", "parameters": 7850, "trainable_share": 0.5, "output_shape": None},
        ),
    ),
    folder=".torchladder/20250102-030405-ab12",
)

PAGES = {
    "open": OPEN,
    "smoke": SMOKE,
    "broken": BROKEN,
    "healthy": HEALTHY,
    "undecided": UNDECIDED,
    "crashed": CRASHED,
    "hostile": HOSTILE,
}


def read(path: str) -> list[str] | None:
    """Return the source that the hand-made findings point at."""
    return {"train.py": SOURCE.splitlines(), "evil\u202e.py": [HOSTILE_SOURCE]}.get(path)
