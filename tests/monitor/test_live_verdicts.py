"""What a watched run is told as it goes: kept graphs, optimizers without gradients, weights that stand still, a blind
course; and what it is not told.
"""  # noqa: D205 - a list is a sentence

import time
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn

import torchladder
from torchladder.core.findings import Finding
from torchladder.monitor import memory
from torchladder.monitor.evaluation_times import EvaluationTimes

STEPS = 70  # beyond the sixty-fourth, at which every run is judged


def said(program: Callable[[], object]) -> list[Finding]:
    with torchladder.watch(folder=None, quiet=True) as run:
        program()
    assert run.monitor is not None
    assert not run.monitor.failures
    found: list[Finding] = run.findings
    return found


def names(program: Callable[[], object]) -> list[str]:
    return [f.name for f in said(program)]


def mlp() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def batch(n: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(n, 8)
    return x, x[:, :4].argmax(1)


def trained(each: Callable[[torch.Tensor, torch.Tensor], None], *, steps: int = STEPS) -> None:
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        x, y = batch()
        out = model(x)
        loss = F.cross_entropy(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        each(out, loss)


# --- graphs that are kept ---------------------------------------------------------------------


def losses_in_a_list() -> None:
    losses: list[torch.Tensor] = []
    trained(lambda _, loss: losses.append(loss))


def a_sum_of_losses() -> None:
    total = torch.zeros(())

    def add(_: torch.Tensor, loss: torch.Tensor) -> None:
        nonlocal total
        total = total + loss

    trained(add)


def outputs_in_a_list() -> None:
    outputs: list[torch.Tensor] = []
    trained(lambda out, _: outputs.append(out))


def numbers_in_a_list() -> None:
    losses: list[float] = []
    trained(lambda _, loss: losses.append(loss.item()))


def detached_in_a_list() -> None:
    outputs: list[torch.Tensor] = []
    trained(lambda out, loss: outputs.extend((out.detach(), loss.detach())))


def the_last_few() -> None:
    window: list[torch.Tensor] = []

    def keep(_: torch.Tensor, loss: torch.Tensor) -> None:
        window.append(loss)
        del window[:-8]

    trained(keep)


def state_that_is_handed_on(*, cut: int, window: int = 1) -> None:
    """Train a recurrent state that is detached every ``cut`` steps, differentiating every ``window`` steps.

    What is trained is only added, so that a step in place does not end the graphs of the steps before.
    """
    torch.manual_seed(0)
    offset = nn.Parameter(torch.zeros(8))
    optimizer = torch.optim.Adam([offset], lr=1e-3)
    state, losses = torch.zeros(32, 8), []
    for i in range(STEPS * window):
        if i % cut == 0:
            state = state.detach()
        state = torch.tanh(0.5 * state + batch()[0] + offset)
        losses.append(state.square().mean())
        if (i + 1) % window == 0:
            optimizer.zero_grad()
            torch.stack(losses).mean().backward(retain_graph=window == 1)
            optimizer.step()
            losses = []


@pytest.mark.parametrize("program", [losses_in_a_list, a_sum_of_losses, outputs_in_a_list])
def test_graphs_that_pile_up_are_told(program: Callable[[], None]) -> None:
    """A loss or an output that is kept keeps its graph."""
    (found,) = [f for f in said(program) if f.name == "graph-retained"]

    assert found.seen[0].value >= 15
    assert found.where


def kept_from_a_later_step_on() -> None:
    """Train for 1,100 steps and keep each loss from step 900 on."""
    torch.manual_seed(0)
    layer, losses = nn.Linear(4, 1), []
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-3)
    for i in range(1100):
        loss = layer(torch.randn(8, 4)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i >= 900:
            losses.append(loss)


def test_graphs_that_are_kept_later_on_are_told() -> None:
    """Steps from the 1,000th on are marked like the first ones."""
    (found,) = [f for f in said(kept_from_a_later_step_on) if f.name == "graph-retained"]

    assert found.seen[0].step is not None
    assert found.seen[0].step > 1000


def test_memory_is_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of the looks is thinned out evenly, and later ones are farther apart."""
    clock = iter(range(100_000))
    monkeypatch.setattr(memory, "perf_counter", lambda: float(next(clock)))
    seen = memory.Memory()
    for step in range(3 * memory.KEPT):
        seen.look(step, passes=0)
    row = seen.facts()["memory"]

    assert len(row.steps) < memory.KEPT
    assert row.steps[-1] > 2 * memory.KEPT
    assert row.held[-1] > 1e6
    assert row.room is None or row.room > 1e6


def test_a_state_that_is_never_detached_is_told() -> None:
    """Each backward pass runs through all steps so far."""
    assert "graph-retained" in names(lambda: state_that_is_handed_on(cut=10**9))


def of_growing_length() -> None:
    """Batches sorted by length: each step's graph is larger than that before."""
    torch.manual_seed(0)
    cell, head = nn.GRUCell(8, 16), nn.Linear(16, 4)
    optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=1e-3)
    for i in range(STEPS):
        state = torch.zeros(32, 16)
        for _ in range(i + 1):
            state = cell(torch.randn(32, 8), state)
        loss = head(state).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize(
    "program",
    [
        numbers_in_a_list,
        detached_in_a_list,
        the_last_few,
        of_growing_length,
        pytest.param(lambda: state_that_is_handed_on(cut=8, window=8), id="truncated"),
        pytest.param(lambda: state_that_is_handed_on(cut=1), id="detached"),
    ],
)
def test_what_ends_is_not_told(program: Callable[[], None]) -> None:
    """Numbers, detached tensors, a window of losses, longer sequences, truncated backpropagation."""
    assert "graph-retained" not in names(program)


# --- optimizers that do nothing ---------------------------------------------------------------


def classify(model: nn.Module, optimizer: torch.optim.Optimizer, *, steps: int = STEPS) -> None:
    for _ in range(steps):
        x, y = batch()
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def another_instance() -> None:
    model = mlp()
    classify(model, torch.optim.Adam(mlp().parameters()))


def a_head_put_on_later() -> None:
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters())
    classify(nn.Sequential(nn.Linear(8, 4)), optimizer)
    del model


@pytest.mark.parametrize("program", [another_instance, a_head_put_on_later])
def test_an_optimizer_of_other_tensors_is_told(program: Callable[[], None]) -> None:
    """The loss reaches tensors that no optimizer holds, and nothing changes them."""
    (found,) = [f for f in said(program) if f.name == "optimizer-wrong-parameters"]

    assert found.where


def by_hand_beside_an_idle_one() -> None:
    """The weights are updated by hand; an optimizer of something else steps on."""
    model, idle = mlp(), torch.optim.SGD(mlp().parameters(), lr=0.1)
    for _ in range(STEPS):
        x, y = batch()
        for p, g in zip(
            model.parameters(), torch.autograd.grad(F.cross_entropy(model(x), y), [*model.parameters()]), strict=True
        ):
            p.data -= 0.1 * g
        F.cross_entropy(model(x), y).backward()
        idle.step()


def a_game_of_two() -> None:
    """The first optimizer's tensors have gradients at every second of its steps only."""
    one, two = mlp(), mlp()
    first = torch.optim.Adam(one.parameters())
    second = torch.optim.Adam(two.parameters())
    for i in range(STEPS):
        x, y = batch()
        model, optimizer = (one, first) if i % 2 else (two, second)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        first.step()
        second.step()


def in_a_closure() -> None:
    """LBFGS computes its gradients inside the step."""
    model = mlp()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    x, y = batch()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    for _ in range(STEPS):
        optimizer.zero_grad()
        optimizer.step(closure)


def a_frozen_body() -> None:
    """Only the head trains; the optimizer was given everything."""
    model = mlp()
    assert isinstance(model, nn.Sequential)
    model[0].requires_grad_(False)
    classify(model, torch.optim.Adam(model.parameters(), lr=1e-2), steps=150)


@pytest.mark.parametrize("program", [by_hand_beside_an_idle_one, a_game_of_two, in_a_closure, a_frozen_body])
def test_idle_tensors_by_design_are_not_told(program: Callable[[], None]) -> None:
    """Updates by hand, turns, closures, freezing."""
    assert not {"optimizer-wrong-parameters", "lr-too-low"} & set(names(program))


# --- weights that stand still -----------------------------------------------------------------


def rate(lr: float, *, warm: bool = False, dtype: torch.dtype = torch.float32) -> Callable[[], None]:
    def program() -> None:
        model = mlp().to(dtype)
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        for i in range(150):
            if warm:
                optimizer.param_groups[0]["lr"] = lr * (i + 1)
            x, y = batch()
            loss = F.cross_entropy(model(x.to(dtype)).float(), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return program


def test_updates_that_rounding_swallows_are_told() -> None:
    """At 1e-12 no weight ever changes."""
    assert "lr-too-low" in names(rate(1e-12))


@pytest.mark.parametrize(
    "program",
    [rate(1e-5), rate(1e-12, warm=True), rate(0.0), rate(1e-3, dtype=torch.bfloat16)],
    ids=["small", "warm-up", "zero", "low precision"],
)
def test_small_rates_are_not_told(program: Callable[[], None]) -> None:
    """Fine-tuning, a warm-up from nothing, a rate of zero (another rule's matter), low precision."""
    assert "lr-too-low" not in names(program)


# --- the course, against blind guessing -------------------------------------------------------


def labelled(*, random: bool, weight: float = 1.0) -> Callable[[], None]:
    """Six passes over small data whose labels are random or not; ``weight`` scales the training loss."""

    def program() -> None:
        torch.manual_seed(1)
        x = torch.randn(1600, 8)
        y = torch.randint(4, (1600,)) if random else x[:, :4].argmax(1)
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02 if random else 0.2)
        for _ in range(12):
            model.train()
            for at in torch.randperm(1200).split(24):
                fresh = torch.randint(4, (24,)) if random else y[at]
                loss = weight * F.cross_entropy(model(x[at]), fresh)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                F.cross_entropy(model(x[1200:]), y[1200:]).item()

    return program


def test_a_run_at_chance_is_told_at_its_end() -> None:
    """The entropy of the held-out labels says where blind guessing stands."""
    assert "not-learning" in names(labelled(random=True))


@pytest.mark.parametrize(
    "program", [labelled(random=False), labelled(random=False, weight=10.0)], ids=["plain", "scaled"]
)
def test_a_run_that_learns_is_not_told(program: Callable[[], None]) -> None:
    """Nor one whose loss is scaled, so that it never comes below the entropy of the labels."""
    assert not {"not-learning", "plateau", "underfitting"} & set(names(program))


# --- weights that run away --------------------------------------------------------------------


def at_rate(rate: float) -> Callable[[], None]:
    def program() -> None:
        model = mlp()
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        for _ in range(150):
            x, y = batch()
            loss = F.cross_entropy(model(x), y.roll(1))  # labels that the samples do not tell
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return program


def test_weights_that_run_away_are_told() -> None:
    """They grow without bound, and the loss is none the better for it."""
    assert "lr-too-high" in names(at_rate(1.0))


def test_weights_that_stay_are_not() -> None:
    """Nothing is learned at a sound rate, either; the weights are not to blame."""
    assert "lr-too-high" not in names(at_rate(1e-2))


def evaluating(*, seconds: float, rounds: int = 4) -> None:
    """Train five steps and evaluate, several times over."""
    torch.manual_seed(0)
    layer = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-3)
    for _ in range(rounds):
        layer.train()
        for _ in range(20):
            optimizer.zero_grad()
            layer(torch.randn(8, 4)).square().mean().backward()
            optimizer.step()
        layer.eval()
        with torch.no_grad():
            layer(torch.randn(8, 4))
        time.sleep(seconds)
    layer.train()


def test_evaluation_that_takes_most_of_the_time_is_told() -> None:
    """Two seconds and more, every few steps."""
    (found,) = [f for f in said(lambda: evaluating(seconds=2.1, rounds=3)) if f.name == "eval-too-often"]

    assert found.where[0].line == evaluating.__code__.co_firstlineno + 11
    assert found.seen[0].value >= 2.1


def test_evaluation_times_leave_out_what_is_no_evaluation() -> None:
    """A module that stays in evaluation mode while others train, and a first pass before any step."""
    times = EvaluationTimes()
    times.begin(0.0, 0, None)
    times.end(5.0, 0)
    times.begin(6.0, 1, None)
    times.end(100.0, 90)
    assert times.facts(passes=1) == {}
    times.begin(110.0, 100, None)
    times.end(113.0, 100)
    (row,) = times.facts(passes=1)["evaluation_times"]
    assert (row.seconds, row.between, row.steps, row.each_epoch) == (3.0, 105.0, 100, False)
