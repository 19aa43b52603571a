"""Evaluation passes: what a program does with its model besides training it.

A call without gradients is one, unless its outputs enter a training step. A call with gradients is
one when the next backward pass does not reach it: its graph node is marked, and the mark looked for.
Predictions are paired with the targets they meet: in a loss call, in a comparison, or in the batch.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.findings import Place
from torchladder.probes import graph
from torchladder.probes.blocks import block_of
from torchladder.probes.datasets import same_samples
from torchladder.probes.interceptor import Call
from torchladder.probes.losses import LOSSES
from torchladder.probes.modules import MODE_LAYERS, RootCall, first_output
from torchladder.probes.scoring import Score, figures, kind_of, merged, score
from torchladder.probes.tensors import tensors_in
from torchladder.probes.untouched import distance, untouched
from torchladder.runner.place import user_callers, user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

MARK = "torchladder"
PASSES_KEPT = 400
ASKED_PASSES = (0, 2, 5)  # passes in which one call is made again: the model has learned a little by the later ones
LINES_KEPT = 4  # calls whose outputs are followed on
ROWS_KEPT = 5000  # samples whose predictions are kept of the last pass
NUMBERS_KEPT = 20_000_000
TRAIN_EVERY = 10  # training steps between two that are scored, once the dense ones are over
OUTPUTS = 4  # output tensors of one call that are followed


@dataclass
class Open:
    """A call of a root and what its outputs met: pairs of (output, target)."""

    call: RootCall | None
    root: nn.Module
    place: Place | None
    batch: list[torch.Tensor]
    loader: Any
    mark: int
    callers: Any = None
    outputs: list[torch.Tensor] = field(default_factory=list)
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    losses: list[tuple[str, Place | None, torch.Tensor, int]] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=dict)
    grad: bool = False
    training: bool = False
    rows: int = 0
    repeated: bool = False
    values: list[tuple[str, Place | None, float, int]] = field(default_factory=list)
    kept: tuple[torch.Tensor, torch.Tensor] | None = None
    result: Score | None = None
    used: set[bool] = field(default_factory=set)  # filled when something is differentiated through its outputs


@dataclass
class Pass:
    """Consecutive calls of one root over one loader."""

    step: int
    phase: int
    root: nn.Module
    place: Place | None
    loader: Any
    calls: list[Open] = field(default_factory=list)
    feeds: bool = False
    hurried: bool = False
    callers: Any = None
    train: list[Open] = field(default_factory=list)


class Evaluations:
    """The probe; other probes and rules read ``passes``."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.passes: list[Pass] = []
        self.on_pass: list[Any] = []  # told of each pass as it ends
        self.on_settled: list[Any] = []  # told of each call with its (output, target), None without one
        self.open: Open | None = None
        self.waiting: list[Open] = []
        self.feeding: set[Place | None] = set()
        self.followed: dict[int, tuple[torch.Tensor, torch.Tensor, Open]] = {}
        self.predictions: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._served = 0
        self._marks = 0
        self._since: list[Open] = []
        self._current: Pass | None = None
        self._given: list[torch.Tensor] = []  # to the call before
        self._asked_at = -1
        self.kept: dict[int, int] = {}  # pass -> graphs of it alive at its end, from another probe

    def install(self) -> None:
        """Listen to calls of roots, to what their outputs meet, and to backward passes."""
        self.session.modules.on_enter.append(self._enter)
        self.session.modules.on_leave.append(self._leave)
        self.session.backward.before.append(self._backward)
        self.session.backward.always.append(self._backward)
        self.session.on_step.append(self._step)
        self.session.on_coast.append(self._step)
        self.session.modules.on_routine.append(self._pass_over)

    # --- calls --------------------------------------------------------------------------------

    def _enter(self, call: RootCall) -> None:
        self._finish_open()
        loaders = self.session.loaders
        served = sum(s.served for s in loaders.table.values())
        current = loaders.current if served != self._served else None
        self._served = served
        self._marks += 1
        likely = self._looks_likely(call, current)
        self.open = Open(
            call,
            call.root.module,
            user_place() if likely else call.place,
            current.last if current is not None else [],
            current,
            self._marks,
            callers=user_callers() if likely and current is None else None,
            grad=call.grad,
            training=call.training,
            repeated=self._is_repeated(call),
        )
        self.session.interceptor.listen(self, wanted=self._looks(self.open))

    def _pass_over(self) -> None:
        """Look no more at what meets the outputs of an earlier call: another one begins that nobody looks at."""
        if self.session.interceptor.awake:
            self._finish_open()
            self.session.interceptor.listen(self, wanted=False)

    @property
    def turn(self) -> int:
        """The number of the call of a model that is running, or ran last."""
        return self._marks

    def _is_repeated(self, call: RootCall) -> bool:
        """Tell whether a call is given the very tensors of the call before it."""
        before, self._given = self._given, list(tensors_in(call.args))
        return bool(before) and [id(t) for t in before] == [id(t) for t in self._given]

    def _leave(self, call: RootCall) -> None:
        opened = self.open
        if opened is None or opened.call is not call or call.output is None:
            return
        outputs = [t for t in tensors_in(call.output) if t.is_floating_point() and t.dim() > 0][:OUTPUTS]
        first = first_output(call.output)
        if first is None:
            return
        opened.rows = int(first.shape[0])
        for t in outputs:
            if t.grad_fn is not None:
                _metadata(t.grad_fn)[MARK] = opened.mark
                if self._looks_likely(opened, opened.loader):  # `autograd.grad` is seen here alone
                    t.grad_fn.register_prehook(lambda _, used=opened.used: used.add(True))
        opened.outputs = [t.detach() for t in outputs] if self._looks(opened) else []
        if opened.outputs:
            self._follow(opened, zip(outputs, opened.outputs, strict=True))
        if not call.grad or self._held_out(opened):
            self._ask(opened)

    def _looks(self, opened: Open) -> bool:
        """Tell whether this call is scored: all that may be evaluation, and some training steps."""
        likely = self._looks_likely(opened, opened.loader)
        return likely or self.session.dense or self.session.steps % TRAIN_EVERY == 0

    def _held_out(self, opened: Open) -> bool:
        """Tell whether a call with gradients reads from a loader that is not trained on, though training has begun."""
        new = self._asked_at != len(self.passes) and self.session.backward.count > 0
        return new and opened.loader is not None and not self.session.loaders.is_trained(opened.loader)

    @staticmethod
    def _looks_likely(call: "Open | RootCall", loader: Any) -> bool:
        """Tell whether a call may well be evaluation, before it is known."""
        return not call.grad or not call.training or (loader is not None and not loader.trained)

    def _follow(self, opened: Open, outputs: Any) -> None:
        kept = {o.mark for _, _, o in self.followed.values()}
        if len(kept) >= LINES_KEPT:
            oldest = min(kept)
            self.followed = {k: v for k, v in self.followed.items() if v[2].mark != oldest}
        for t, base in outputs:
            self.followed[id(t)] = (t, base, opened)

    def before(self, call: Call) -> None:
        """Nothing is changed."""

    def after(self, call: Call) -> None:
        """Note losses of the call in flight, and data that its outputs meet."""
        opened = self.open
        if opened is None:
            return
        if call.name in LOSSES and isinstance(call.out, torch.Tensor):
            self._loss(call, opened)
        if not self.followed:
            return
        given = list(tensors_in((call.args, call.kwargs), 2))
        known = [self.followed[id(t)] for t in given if id(t) in self.followed]
        if not known:
            return
        out = call.out if isinstance(call.out, torch.Tensor) else next(tensors_in(call.out, 1), None)
        _, base, source = known[0]
        if out is not None and out.requires_grad and not source.grad:
            self.feeding.add(source.place)
        others = [t for t in given if id(t) not in self.followed and t.numel() > 1 and not t.requires_grad]
        if others and call.name not in LOSSES and kind_of(base, others[0]) is not None and len(source.pairs) < OUTPUTS:
            source.pairs.append((base, others[0].detach()))
        if out is not None and (not source.grad or self.session.dense) and out.dim() > 0:
            self.followed[id(out)] = (out, base, source)

    def _loss(self, call: Call, opened: Open) -> None:
        first, second = call.argument(0, "input"), call.argument(1, "target")
        if not isinstance(first, torch.Tensor) or not isinstance(second, torch.Tensor):
            return
        if len(opened.losses) < OUTPUTS and (self._looks(opened)):
            value = call.out.detach()
            if value.numel() == 1 and call.kwargs.get("reduction") == "sum":
                value = value / max(second.numel(), 1)
            opened.losses.append((call.name.removesuffix("_nd"), call.place, value.float().mean(), first.shape[0]))
            if kind_of(first, second) is not None:
                opened.pairs.append((first.detach(), _counted(call, second.detach())))

    # --- which calls were evaluation ----------------------------------------------------------

    def _finish_open(self) -> None:
        """Score the call in flight: nothing more will meet its outputs that matters."""
        opened, self.open = self.open, None
        if opened is None or opened.call is None or opened.call.output is None:
            return
        with self.session.quiet(), torch.no_grad():
            self._settle(opened)
        if opened.grad:
            self.waiting.append(opened)
        else:
            self._evaluated(opened)

    def _settle(self, opened: Open) -> None:
        """Turn tensors into numbers and let them go."""
        evaluated = not opened.grad or not opened.training
        if not opened.pairs:
            opened.pairs = self._from_batch(opened)
        pairs = sorted(opened.pairs, key=lambda p: kind_of(*p) == "values")
        opened.result = score(*pairs[0]) if pairs else None
        if opened.asked and opened.result is not None:
            self._compare(opened, *pairs[0])
        opened.values = [(name, place, float(value), n) for name, place, value, n in opened.losses]
        if pairs and evaluated:
            self._keep(opened, *pairs[0])
        for listen in self.on_settled:
            listen(opened, pairs[0] if pairs else None)
        opened.pairs, opened.losses, opened.outputs, opened.batch, opened.call = [], [], [], [], None

    @staticmethod
    def _compare(opened: Open, output: torch.Tensor, target: torch.Tensor) -> None:
        """Score the call that was made in evaluation mode beside the program's own."""
        steady = opened.asked.pop("steady")
        if steady.shape != output.shape or opened.result is None:
            return
        other = score(steady, target)
        if opened.result.kind != "values" and other is not None:
            opened.asked |= {
                "accuracy": opened.result.right / opened.result.scored,
                "steady_accuracy": other.right / other.scored,
            }

    @staticmethod
    def _from_batch(opened: Open) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return the output with the element of its batch that looks like labels for it."""
        assert opened.call is not None
        given = {id(t) for t in tensors_in((opened.call.args, opened.call.kwargs))}
        for out in opened.outputs:
            for t in opened.batch:
                if id(t) not in given and t.device == out.device and kind_of(out, t) == "classes":
                    return [(out, t)]
        return []

    def _keep(self, opened: Open, output: torch.Tensor, target: torch.Tensor) -> None:
        """Keep predictions and targets for error analysis, until the rows or the memory for them are used up."""
        if output.numel() * (1 + ROWS_KEPT // max(opened.rows, 1)) < NUMBERS_KEPT:
            opened.kept = (output.detach().cpu(), target.detach().cpu())

    def _backward(self, loss: torch.Tensor | None) -> None:
        """Sort the calls that wait: those the loss reaches were training."""
        if self.open is None and not self.waiting and self._current is None:
            return
        self._finish_open()
        waiting, self.waiting = self.waiting, []
        reached: set[int] = {w.mark for w in waiting}
        unusual = len(waiting) > 1 or any(not w.training for w in waiting)
        if unusual and isinstance(loss, torch.Tensor) and loss.grad_fn is not None:
            marks = (_metadata(node).get(MARK) for node in graph.walk(loss.grad_fn))
            reached = {m for m in marks if m is not None}
        for opened in waiting:
            if opened.mark in reached:
                self._since.append(opened)
            else:
                self._evaluated(opened)
        self._end_pass()

    def _step(self, _phase: Any) -> None:
        self.followed.clear()

    def _evaluated(self, opened: Open) -> None:
        root, loader = opened.root, opened.loader
        current = self._current
        same = current is not None and current.root is root and current.loader is loader
        if current is None or not same or current.callers != opened.callers:
            self._end_pass()
            phase = self.session.phases[-1].id if self.session.phases else 0
            current = Pass(self.session.steps, phase, root, opened.place, loader, callers=opened.callers)
            current.hurried = self.session.loaders.cut_short
            current.train, self._since = self._since, []
            self._current = current
        current.calls.append(opened)

    def _end_pass(self) -> None:
        current, self._current = self._current, None
        if current is None or not current.calls or len(self.passes) >= PASSES_KEPT:
            return
        current.feeds = current.place in self.feeding
        self._keep_last(current)
        self.passes.append(current)
        for listen in self.on_pass:
            listen(current)

    def _keep_last(self, ended: Pass) -> None:
        """Let the predictions of the last held-out pass replace those of the one before."""
        kept = [c.kept for c in ended.calls if c.kept is not None]
        for c in ended.calls:
            c.kept = None
        trained = ended.loader is not None and self.session.loaders.is_trained(ended.loader)
        if not kept or trained or ended.feeds:
            return
        rows = 0
        self.predictions = []
        for output, target in kept:
            if rows < ROWS_KEPT and output.shape[1:] == kept[0][0].shape[1:]:
                self.predictions.append((output, target))
                rows += len(output)

    def save(self, folder: str | None, name: str) -> str | None:
        """Write the predictions of the last held-out pass as arrays ``output`` and ``target``; returns the path."""
        if folder is None or not self.predictions:
            return None
        outputs, targets = zip(*self.predictions, strict=True)
        path = Path(folder, name)
        np.savez_compressed(path, output=torch.cat(outputs).float().numpy(), target=torch.cat(targets).numpy())
        return str(path)

    # --- direct questions ---------------------------------------------------------------------

    def _ask(self, opened: Open) -> None:
        """Make the call again, as it was and in evaluation mode, leaving no trace."""
        fresh = self._current is None or self._current.loader is not opened.loader or not self._current.calls
        if not (fresh and len(self.passes) in ASKED_PASSES) or not opened.outputs:
            return
        call = opened.call
        assert call is not None
        moved: list[bool] = []
        self._asked_at = len(self.passes)
        with self.session.quiet(), untouched(call.root.module, moved), torch.no_grad():
            self.session.modules.asking = True
            try:
                again = first_output(call.root.module(*call.args, **call.kwargs))
                for m in call.root.module.modules():
                    m.training = False
                steady = first_output(call.root.module(*call.args, **call.kwargs))
                second = first_output(call.root.module(*call.args, **call.kwargs))
            finally:
                self.session.modules.asking = False
        first = first_output(call.output)
        if first is None or again is None or steady is None or second is None:
            return
        if not first.shape == again.shape == steady.shape == second.shape:
            return
        opened.asked = {
            "repeat_change": distance(first, again),
            "mode_change": distance(first, steady),
            "steady_change": distance(steady, second),
            "buffers_moved": any(moved),
            "steady": steady,
        }

    # --- facts --------------------------------------------------------------------------------

    def close(self) -> None:
        """End what is in flight: the run is over."""
        self._finish_open()
        waiting, self.waiting = self.waiting, []
        for opened in waiting:
            loader = opened.loader
            apart = len(waiting) > 1 or not opened.training or (loader is not None and not loader.trained)
            if apart:
                self._evaluated(opened)
        self._end_pass()

    def facts(self) -> dict[str, Any]:
        """Return one row a pass."""
        self.close()
        return {"evaluations": tuple(self._fact(i, p) for i, p in enumerate(self.passes))}

    def _fact(self, index: int, p: Pass) -> EvaluationFact:
        seen = list(self.session.loaders.table.values())
        trained = [s for s in seen if self.session.loaders.is_trained(s)]
        ours = next((c.values[0][0] for c in p.train if c.values), None)
        losses = [next((v for v in c.values if v[0] == ours), c.values[0]) for c in p.calls if c.values]
        asked = next((c.asked for c in p.calls if c.asked), {})
        total = merged([c.result for c in p.calls])
        train = merged([c.result for c in p.train])
        train_losses = [c.values[0][2] for c in p.train if c.values]
        sets = list({id(s.loader.dataset): None for s in seen})
        n = sum(weight for *_, weight in losses)
        return EvaluationFact(
            index=index,
            step=p.step,
            phase=p.phase,
            root=type(p.root).__name__,
            place=p.place,
            calls=len(p.calls),
            rows=sum(c.rows for c in p.calls),
            in_training_mode=sum(c.training for c in p.calls),
            with_grad=sum(c.grad and not c.used for c in p.calls),
            loader=next((i for i, s in enumerate(seen) if s is p.loader), None),
            data=None if p.loader is None else sets.index(id(p.loader.loader.dataset)),
            loader_trained=p.loader in trained if p.loader is not None else False,
            data_trained=p.loader is not None and any(same_samples(t.loader, p.loader.loader) for t in trained),
            feeds_training=p.feeds or p.place in self.feeding,
            loss=sum(v * k for _, _, v, k in losses) / n if n else None,
            loss_function=losses[0][0] if losses else None,
            loss_place=losses[0][1] if losses else None,
            **(figures(total) if total is not None else {}),
            batch_accuracy=_mean([s for c in p.calls if c.result for s in c.result.shares or ()]),
            last_accuracy=next((c.result.shares[-1] for c in reversed(p.calls) if c.result and c.result.shares), None),
            repeat_change=asked.get("repeat_change"),
            mode_change=asked.get("mode_change"),
            steady_change=asked.get("steady_change"),
            buffers_moved=asked.get("buffers_moved"),
            asked_accuracy=asked.get("accuracy"),
            mode_accuracy=asked.get("steady_accuracy"),
            mode_layers=sum(isinstance(m, MODE_LAYERS) for m in p.root.modules()),
            train_loss=_mean(train_losses),
            train_function=next((c.values[0][0] for c in reversed(p.train) if c.values), None),
            train_accuracy=train.right / train.scored if train and train.scored and train.kind != "values" else None,
            hurried=p.hurried,
            repeated=sum(c.repeated for c in p.calls),
            kept_graphs=self.kept.get(index),
            site=block_of(p.place),
        )


def _counted(call: Call, target: torch.Tensor) -> torch.Tensor:
    """Return class indices with those the loss leaves out made negative, as they are not to be scored."""
    left_out = call.kwargs.get("ignore_index", -1)
    if target.is_floating_point() or not isinstance(left_out, int) or left_out < 0:
        return target
    return target.masked_fill(target == left_out, -1)


def _metadata(node: Any) -> dict[str, Any]:
    """Return the dictionary that torch keeps for a graph node."""
    found: dict[str, Any] | None = getattr(node, "metadata", None)
    return {} if found is None else found


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
