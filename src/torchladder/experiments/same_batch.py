"""The same batch for ever, on any program.

Two mechanisms together. Training loaders repeat their first batch. And at every operation in which
data meets a tensor that requires grad, the data of the first step is put back in later steps: this
also serves loops without a loader, and freezes noise drawn along the way. Values that the model
itself made (detached outputs) are left alone: given the same data they follow from the weights.
"""

import copy
import dataclasses
import itertools
import time
from typing import Any

import torch
from torch import nn

from torchladder.core.facts import InterrogationFact, LossCallFact, TrialFact
from torchladder.core.jsonable import to_json
from torchladder.experiments.interrogate import interrogate
from torchladder.experiments.judge import Scale, Verdict, judge, scale_of
from torchladder.experiments.turned_weights import turned_weights
from torchladder.probes.interceptor import Call
from torchladder.probes.losses import accuracy
from torchladder.probes.modules import RootCall
from torchladder.probes.phases import Phase
from torchladder.probes.session import Session
from torchladder.probes.tensors import map_tensors, tensors_in

EVAL_BATCHES = 2  # batches an evaluation gets while the one batch is trained on
IDLE_BATCHES = 64  # batches without a backward pass in training: accumulating loops collect some first
STATE_MAX = 50_000_000  # numbers of which a copy is kept to ask the untrained model
LOOK_EVERY = 10  # steps between two looks at the curve
TURNS = 3  # times that another optimizer's own loss lay between two steps of the judged one
EXTENDED = 2.5  # a batch that is still being memorised gets this many times the steps
WRITERS = {"__setitem__", "copy_", "index_put_", "scatter_", "masked_fill_", "index_copy_"}


class Tape:
    """Puts the data of the first step back into later ones."""

    def __init__(self, experiment: "SameBatch") -> None:
        self.experiment = experiment
        self.kept: dict[Any, torch.Tensor] = {}
        self.counts: dict[Any, int] = {}
        self.made: dict[int, torch.Tensor] = {}
        self.buffers: set[int] = set()
        self.spoiled = False

    def next_step(self) -> None:
        """Begin a step."""
        self.counts.clear()
        self.made.clear()
        self.spoiled = False

    def learn_buffers(self, module: nn.Module) -> None:
        """Leave running statistics alone."""
        self.buffers.update(id(b) for b in module.buffers())

    def before(self, call: Call) -> None:
        """Replace the data operands of a call that mixes data with weights or their products."""
        if not self.experiment.armed or self.spoiled or not torch.is_grad_enabled():
            return
        given = list(tensors_in((call.args, call.kwargs), 4))
        if not any(t.requires_grad for t in given) or all(t.requires_grad for t in given):
            return
        skip = given[0] if call.name in WRITERS else None
        key = (call.name, call.place)
        turn = self.counts[key] = self.counts.get(key, 0) + 1
        slots = [(i, t) for i, t in enumerate(given) if not (t.requires_grad or t is skip or self._leave_alone(t))]
        for i, t in slots:
            old = self.kept.setdefault((*key, turn, i), t)
            if old is t:
                self.kept[*key, turn, i] = t.detach().clone()
            elif old.shape != t.shape or old.dtype != t.dtype:
                self.spoiled = True  # another size: this step is run as it is, and not counted
                return
        back = {i: self.kept[*key, turn, i] for i, _ in slots}
        index = itertools.count()
        put_back = lambda t: back.get(next(index), t)  # noqa: E731 - one expression, used twice
        call.args = map_tensors(call.args, put_back)
        call.kwargs = map_tensors(call.kwargs, put_back)

    def _leave_alone(self, t: torch.Tensor) -> bool:
        """Tell whether a tensor is the model's own: a running statistic, or made from its outputs."""
        return id(t) in self.made or id(t) in self.buffers

    def after(self, call: Call) -> None:
        """Remember what the model itself made and then cut from the graph."""
        if not self.experiment.armed or not torch.is_grad_enabled():
            return
        for out in tensors_in(call.out, 1):
            if out.requires_grad:
                continue
            given = tensors_in((call.args, call.kwargs), 3)
            if any(t.grad_fn is not None or id(t) in self.made for t in given):
                self.made[id(out)] = out


class SameBatch:
    """The experiment: armed from one phase on, stopped when judged or out of steps."""

    def __init__(self, session: Session, *, phase: int, steps: int, limit: float, rows: int | None = None) -> None:
        self.session, self.target = session, phase
        self.budget, self.limit, self.rows = steps, limit, rows
        self.tape = Tape(self)
        self.armed = phase == 0
        self.values: list[torch.Tensor] = []
        self.step_values: list[torch.Tensor] = []
        self.primary: LossCallFact | None = None
        self.others = self.turns = 0  # steps of other optimizers from losses of their own; times they lay in between
        self.mixed = False  # one output judged against several targets, as mixup does
        self.last_pair: tuple[torch.Tensor | None, torch.Tensor | None] = (None, None)
        self.asked: RootCall | None = None
        self.asked_target: torch.Tensor | None = None
        self.start: dict[str, torch.Tensor] | None = None
        self.batches: dict[int, Any] = {}
        self.trained_since: dict[int, int] = {}
        self.steps_at: dict[int, int] = {}
        self.started = time.monotonic()
        self.skipped = 0

    def install(self) -> None:
        """Take a place before the observers."""
        self.session.interceptor.listeners.append(self.tape)
        self.session.loaders.replay = self._serve
        self.session.follow_losses = True
        self.session.on_step.append(self._step)
        self.session.on_optimizer.append(self._arm)
        self.session.optimizers.before_step.append(self._before_step)
        self.session.backward.before.append(self._note_loss)

    def _arm(self) -> None:
        """A new optimizer begins the phase that is wanted."""
        self.armed = self.armed or len(self.session.phases) >= self.target

    def _before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Skip a step whose data had other sizes than the first one's."""
        if self.tape.spoiled:
            self.skipped += 1
            for group in optimizer.param_groups:
                for p in group["params"]:
                    p.grad = None

    def _serve(self, stream: Any, seen: Any, given: int) -> Any:
        key = id(seen)
        if not self.armed:
            return next(stream._inner)  # noqa: SLF001 - one mechanism in two files
        if key not in self.batches:
            self.batches[key] = self._cut(next(stream._inner), seen)  # noqa: SLF001
            self.trained_since[key] = self.session.backward.count
        idle = self.session.backward.count == self.trained_since[key]
        evaluating = not torch.is_grad_enabled() or self.session.modules.evaluating()
        if idle and given >= (EVAL_BATCHES if evaluating else IDLE_BATCHES):
            raise StopIteration
        if given == 0:
            self.steps_at[key] = self.session.steps
        natural = seen.length()
        if natural is not None and given >= natural and self.session.steps == self.steps_at[key]:
            raise StopIteration  # nothing stepped in a whole epoch: what follows the epoch may
        if given == 0:
            self.trained_since[key] = self.session.backward.count
        with self.session.quiet():
            return _copy(self.batches[key])

    def _cut(self, batch: Any, seen: Any) -> Any:
        """Return the first rows of a batch, where the loader says how many it has and fewer are wanted."""
        size = getattr(seen.loader, "batch_size", None)
        if self.rows is None or not size or self.rows >= size:
            return batch
        return map_tensors(batch, lambda t: t[: self.rows] if t.dim() and t.shape[0] == size else t)

    def _note_loss(self, loss: torch.Tensor | None) -> None:
        """Keep the value that is judged: the first loss call, else the differentiated scalar."""
        if not self.armed or loss is None:
            return
        recent = self.session.operations.loss_calls
        calls = [(c, c.out) for c in recent if c.out is not None]
        if not self.session.dense:
            self.session.operations.loss_calls = []
        if calls:
            call, out = calls[0]
            value = out.float().mean() if call.options.get("reduction") == "none" else out.float()
            if call.options.get("reduction") == "sum" and call.target is not None:
                value = value / max(_elements(call), 1)
            self.step_values.append(value)
            self.last_pair = (call.input, call.target)
        elif loss.numel() == 1:
            self.step_values.append(loss.detach().clone().float())
        roots = self.session.pending.root_calls
        if self.asked is None and roots and next(tensors_in((roots[-1].args, roots[-1].kwargs)), None) is not None:
            self.asked = _kept(self.session.pending.root_calls[-1])
            self.asked_target = self.last_pair[1]
            self.tape.learn_buffers(self.asked.root.module)
            self.start = _state(self.asked.root.module)

    def _step(self, phase: Phase | None) -> None:
        spoiled = self.tape.spoiled
        self.tape.next_step()
        if not self.armed:
            self.armed = phase is not None and phase.id == self.target  # made before, stepped only now
            self.step_values = []
            return
        if self.asked is not None and self.asked_target is None and self.session.backward.custom is not None:
            self.asked_target = self.session.backward.custom.target
        values, self.step_values = self.step_values, []
        mine = phase is not None and phase.id == self.target
        late = time.monotonic() - self.started > self.limit
        self.others += bool(self.values and values and not mine)
        if not mine or spoiled or not values:
            if late:
                self.session.control.stop()
            return
        self.turns, self.others = self.turns + (self.others > 0), 0
        self.values.append(torch.stack([v.reshape(()) for v in values]).mean())
        if self.primary is None and phase is not None:
            calls = [c for c in phase.loss_calls if c.differentiated and c.step == phase.loss_calls[0].step]
            self.primary = calls[0] if calls else None
            self.mixed = len({(c.function, c.input) for c in calls}) < len(calls)
        n = len(self.values)
        if n % LOOK_EVERY == 0 or late:
            verdict = self.verdict()
            if verdict.final or n >= EXTENDED * self.budget or late or (n >= self.budget and verdict.passed):
                self.session.control.stop()

    def losses(self) -> list[float]:
        """Return the judged loss at each step, per element."""
        return [float(v) for v in self.values]

    def scale(self) -> Scale:
        """Return what the loss is measured against."""
        return Scale(None, None, "mixed") if self.mixed else scale_of(self.primary)

    def final_accuracy(self) -> float | None:
        """Return argmax agreement on the batch at the last step."""
        logits, target = self.last_pair
        if logits is None and self.primary is not None and self.primary.function == "custom":
            return None
        return accuracy(logits, target)

    def verdict(self) -> Verdict:
        """Judge the curve so far."""
        with self.session.quiet():
            found = judge(self.losses(), self.scale(), self.final_accuracy(), self.budget)
        if found.passed is False and self.turns >= TURNS:  # what one player wins, the other loses
            why = "several optimizers take turns, each with a loss of its own"
            return dataclasses.replace(found, passed=None, reason=why)
        return found

    def collect(self) -> dict[str, Any]:
        """Return the trial, the answers of the model, and the facts seen on the way."""
        with self.session.quiet():
            facts = self.session.facts()
            answers = self._answers()
            verdict, scale, losses = self.verdict(), self.scale(), self.losses()
            if verdict.passed is None and losses:  # an end before the budget does not take away what was reached
                early = judge(losses, scale, self.final_accuracy(), len(losses))
                alone = self.turns < TURNS
                enough = alone and early.passed is False and len(losses) >= self.budget // 2
                verdict = early if early.passed or enough else verdict
            if verdict.passed is None and self.skipped > len(losses):
                why = "what the program computes changes from step to step, so that no batch can be repeated"
                verdict = dataclasses.replace(verdict, reason=why)
            acc = self.final_accuracy()
            if acc is None and self.primary is not None and self.primary.function == "custom":
                acc = answers.eval_accuracy
        rows = self.primary.input.shape[0] if self.primary is not None and self.primary.input else None
        reached = next((i for i, v in enumerate(losses) if _is_there(v, scale)), None)
        trial = TrialFact(
            label="",
            phase=self.target,
            losses=tuple(losses),
            passed=verdict.passed,
            reason=verdict.reason,
            steps=len(losses),
            steps_to_pass=reached,
            floor=scale.floor,
            chance=scale.chance,
            accuracy=acc,
            rows=rows,
            seconds=time.monotonic() - self.started,
            turns=self.turns,
        )
        return {"facts": to_json(facts), "trial": to_json(trial), "interrogation": to_json(answers)}

    def _answers(self) -> InterrogationFact:
        if self.asked is None:
            return InterrogationFact(self.target, reason="the program has no module to ask")
        try:
            answers = interrogate(self.asked, self.target, self.asked_target, self.session)
            if self.start is None:
                return answers
            with torch.no_grad():
                for name, t in _tensors(self.asked.root.module):
                    if name in self.start and self.start[name].shape == t.shape:
                        t.copy_(self.start[name])
            before = interrogate(self.asked, self.target, self.asked_target, self.session)
            turned = turned_weights(self.asked, self.asked_target, self.session)
            return dataclasses.replace(answers, untrained_dependence=before.input_dependence, turned=turned)
        except Exception as error:
            return InterrogationFact(self.target, reason=f"{type(error).__name__}: {error}"[:200])


def _kept(call: RootCall) -> RootCall:
    """Return the first call with data of its own, to ask the model about later."""
    return dataclasses.replace(
        call,
        args=map_tensors(call.args, lambda t: t.detach().clone()),
        kwargs=map_tensors(call.kwargs, lambda t: t.detach().clone()),
        output=None,
    )


def _tensors(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _state(module: nn.Module) -> dict[str, torch.Tensor] | None:
    """Return a copy of a model's weights and buffers, unless that would be large."""
    tensors = _tensors(module)
    if sum(t.numel() for _, t in tensors) > STATE_MAX:
        return None
    return {name: t.detach().clone() for name, t in tensors}


def _elements(call: Any) -> int:
    """Return how many terms a sum runs over: labels for classes, values for the rest."""
    return int(call.target.numel())


def _is_there(value: float, scale: Scale) -> bool:
    if scale.floor is None or scale.chance is None:
        return False
    mark = 0.1 * scale.chance if scale.kind == "regression" else 0.1
    return value - scale.floor < mark


def _copy(batch: Any) -> Any:
    """Return a batch the loop may change in place."""
    try:
        return (
            map_tensors(batch, lambda t: t.clone())
            if not hasattr(batch, "to") or isinstance(batch, torch.Tensor)
            else copy.deepcopy(batch)
        )
    except Exception:
        return batch
