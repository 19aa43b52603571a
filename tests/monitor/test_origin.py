"""The origin of the first NaN or Inf of a live run: the operation, its line, and a training that does not notice."""

import gc
import inspect
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch._C import _len_torch_function_stack
from torch.optim.optimizer import register_optimizer_step_post_hook

from tests.monitor import loops, origins
from torchladder.core.facts import NonFiniteFact
from torchladder.monitor.courier import Courier
from torchladder.monitor.monitor import Monitor
from torchladder.monitor.settings import Settings


def watched(program: Callable[[], Any]) -> Monitor:
    """Run a program under a monitor that writes nowhere."""
    monitor = Monitor(Settings(), Courier(), lambda _step, _finding: None)
    monitor.attach()
    try:
        program()
    finally:
        monitor.detach()
    assert not monitor.failures
    return monitor


def traced(program: Callable[[], Any]) -> tuple[NonFiniteFact | None, str | None]:
    tracer = watched(program).tracer
    assert tracer is not None
    return tracer.found, tracer.note


def line_of(thing: Any) -> int:
    """Return the line that is marked in the source of a function or class."""
    lines, first = inspect.getsourcelines(thing)
    return first + next(i for i, line in enumerate(lines) if "# HERE" in line)


CASES = [
    (origins.log_of_zero, origins.log_of_zero, "forward", "log", 5),
    (origins.zero_by_zero, origins.zero_by_zero, "forward", "div", 5),
    (origins.sqrt_backward, origins.sqrt_backward, "backward", "sqrt", 5),
    (origins.exp_overflow, origins.Rate, "forward", "exp", 5),
    (origins.half_overflow, origins.half_overflow, "forward", "mul", 5),
    (origins.zero_norm, origins.zero_norm, "forward", "div", 5),
    (origins.inf_in_data, origins.inf_in_data, "input", "linear", 5),
    (origins.softmax_of_nothing, origins.Attention, "forward", "softmax", 5),
    (origins.exploding_rnn, origins.Growing, "forward", "linear", 5),
    (origins.custom_function, origins.Reciprocal, "backward", "div", 5),
    (origins.bad_weight, origins.Second, "weight", "linear", 0),
    (origins.norm_of_nothing, origins.Metric, "backward", "pow", 5),
]


@pytest.mark.parametrize(("program", "marked", "where", "function", "step"), CASES, ids=[c[0].__name__ for c in CASES])
def test_origin(program: Callable[[], Any], marked: Any, where: str, function: str, step: int) -> None:
    """The first operation that made NaN or Inf is named, with the line that calls it, and the step."""
    found, note = traced(program)
    assert found is not None
    assert (found.where, found.function, found.step) == (where, function, step), (found, note)
    assert found.place is not None
    assert found.place.line == line_of(marked), (found, note)


def test_a_branch_that_no_recorded_step_took() -> None:
    """Where the replay does not show it, the graph of the loss does, with the line remembered for that node."""
    found, note = traced(origins.branching)
    assert found is not None
    assert (found.where, found.function, found.step) == ("forward", "log", 5), (found, note)
    assert found.place is not None
    assert found.place.line == line_of(origins.branching)


LOOPS = [
    (loops.in_a_function, loops.likelihood),
    (loops.in_a_method, loops.Trainer),
    (loops.accumulated, loops.accumulated),
    (loops.without_a_loader, loops.without_a_loader),
    (loops.with_random_batches, loops.with_random_batches),
    (loops.of_dictionaries, loops.Wrapped),
    (loops.adversarial, loops.adversarial),
    (loops.adversarial_second, loops.adversarial_second),
    (loops.mixed_precision, loops.mixed_precision),
    (loops.with_a_closure, loops.with_a_closure),
    (loops.checkpointed, loops.checkpointed),
    (loops.epochs_and_evaluation, loops.epochs_and_evaluation),
]


@pytest.mark.parametrize(("program", "marked"), LOOPS, ids=[p.__name__ for p, _ in LOOPS])
def test_shapes_of_loops(program: Callable[[], Any], marked: Any) -> None:
    """Wherever the loss is written, the line is found."""
    found, note = traced(program)
    assert found is not None
    assert (found.where, found.function) == ("forward", "log"), (found, note)
    assert found.place is not None
    assert found.place.line == line_of(marked), (found, note)


def test_a_program_that_skips_such_batches() -> None:
    """A loss that is never differentiated is found among the variables when the next batch is asked for."""
    found, note = traced(loops.skipping)
    assert found is not None
    assert (found.function, found.step) == ("log", 5), (found, note)
    assert found.place is not None
    assert found.place.line == line_of(loops.skipping)


def test_a_program_that_raises_before_the_backward_pass() -> None:
    """The variables of the frames that the exception went through still hold the loss."""
    tracer = Monitor(Settings(), Courier(), lambda _step, _finding: None)
    tracer.attach()
    with pytest.raises(FloatingPointError) as raised:
        loops.raising()
    assert tracer.tracer is not None
    tracer.tracer.crashed(raised.tb)
    tracer.detach()
    found = tracer.tracer.found
    assert found is not None
    assert found.function == "log", found
    assert found.place is not None
    assert found.place.line == line_of(loops.raising)


class Trail:
    """Every bit of every optimizer step: weights, gradients, optimizer state, buffers, random generators."""

    def __init__(self) -> None:
        self.steps: list[list[torch.Tensor]] = []
        self.norms: list[torch.nn.BatchNorm1d] = []

    def __call__(self, optimizer: Any, *_: Any) -> None:
        """Take down a step."""
        held = [p for g in optimizer.param_groups for p in g["params"]]
        tensors = [t for p in held for t in (p, p.grad, *optimizer.state[p].values()) if isinstance(t, torch.Tensor)]
        if not self.steps:
            ids = {id(p) for p in held}
            self.norms = [m for m in gc.get_objects() if type(m) is torch.nn.BatchNorm1d and id(m.weight) in ids]
        tensors += [b for m in self.norms for b in m.buffers()]
        bits = [t.detach().clone().contiguous().flatten().view(torch.uint8) for t in tensors if t.numel()]
        numbers = [torch.get_rng_state(), torch.tensor(random.getstate()[1]), np.random.get_state()[1].astype("int64")]
        self.steps.append(bits + [torch.as_tensor(n) for n in numbers])


NEUTRAL = [p for p, *_ in CASES] + [p for p, _ in LOOPS] + [origins.branching, loops.skipping]


@pytest.mark.parametrize("program", NEUTRAL, ids=[p.__name__ for p in NEUTRAL])
def test_the_training_does_not_notice(program: Callable[[], Any]) -> None:
    """Before the NaN, at it and after it every bit of the run is what it is without a monitor."""
    runs = []
    for run in (lambda p: p(), watched):
        gc.collect()
        torch.manual_seed(1), random.seed(1), np.random.seed(1)
        trail = Trail()
        handle = register_optimizer_step_post_hook(trail)
        try:
            run(program)
        finally:
            handle.remove()
        runs.append(trail.steps)
    assert len(runs[0]) == len(runs[1]) > 0
    for plain, seen in zip(*runs, strict=True):
        assert len(plain) == len(seen)
        assert all(torch.equal(a, b) for a, b in zip(plain, seen, strict=True))


def test_a_healthy_loop_with_a_loss_scaler() -> None:
    """Gradients that overflow in a step that the scaler skips are nothing to report."""

    def program() -> None:
        model = origins.mlp()
        opt = torch.optim.SGD(model.parameters(), lr=0.01)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
        for x, y in origins.loader():
            opt.zero_grad()
            loss = (model(x).half().squeeze(-1) - y.half()).pow(2).mean().float()
            scaler.scale(loss).backward()
            scaler.step(opt)
            scaler.update()
        assert scaler.get_scale() < 2.0**40

    assert traced(program) == (None, None)


def test_gradients_that_are_repaired() -> None:
    """NaN that the program replaces before the optimizer steps is nothing to report."""

    def program() -> None:
        model = origins.mlp()
        opt = torch.optim.SGD(model.parameters(), lr=0.01)
        for x, _ in origins.loader(spoil=origins.zero_row):
            opt.zero_grad()
            (model(x).squeeze(-1) * 0 + (model(x).squeeze(-1) * x[:, 0]).square()).sqrt().mean().backward()
            for p in model.parameters():
                p.grad = torch.nan_to_num(p.grad) if p.grad is not None else None
            opt.step()

    assert traced(program) == (None, None)


def test_nothing_is_left_behind() -> None:
    """Modes, hooks and wrappers are gone after a run; the model can be pickled in the middle of it."""

    def program() -> None:
        model = origins.mlp()
        opt = torch.optim.SGD(model.parameters(), lr=0.01)
        for x, _ in origins.loader():
            model(x).sum().backward()
            pickle.dumps(model.state_dict())
            opt.step()

    before = vars(origins.Reciprocal)["forward"]
    watched(program)
    assert vars(origins.Reciprocal)["forward"] is before
    assert _len_torch_function_stack() == 0
    assert not torch.nn.modules.module._global_forward_hooks
    assert not torch.nn.modules.module._global_forward_pre_hooks


def test_an_optimizer_that_runs_the_backward_pass_itself() -> None:
    """In a closure the gradients are looked at as soon as they are there."""
    found, note = traced(loops.closure_with_a_root)
    assert found is not None
    assert (found.where, found.function, found.step) == ("backward", "sqrt", 5), (found, note)
    assert found.place is not None
    assert found.place.line == line_of(loops.closure_with_a_root)


@pytest.mark.parametrize(
    ("program", "code"),
    [(origins.log_of_zero, "TL306"), (origins.zero_norm, "TL307"), (origins.inf_in_data, "TL102")],
)
def test_the_alert_names_the_cause(program: Callable[[], Any], code: str) -> None:
    """The ladder's rules judge what the tracer found."""
    assert next(iter(watched(program).judge.said)) == code


def test_the_very_first_step_of_a_program_without_a_loader() -> None:
    """Recording begins with the first training call of a model."""
    found, note = traced(loops.at_once_without_a_loader)
    assert found is not None
    assert (found.where, found.function, found.step) == ("forward", "sqrt", 0), (found, note)
    assert found.place is not None
    assert found.place.line == line_of(loops.at_once_without_a_loader)
