"""A phase: the life of one optimizer, and all that was seen of the steps it took."""

import dataclasses
import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.facts import (
    ActivationFact,
    AffinePairFact,
    BroadcastFact,
    CurveFact,
    LossCallFact,
    ParameterFact,
    RepeatFact,
    RootFact,
    TensorFact,
)
from torchladder.core.findings import Place
from torchladder.probes.activations import activation_fact
from torchladder.probes.bindings import given_to
from torchladder.probes.modules import MODE_LAYERS, Root, first_output, owner_of
from torchladder.probes.tensors import MATRIX, describe, same_values, tensors_in

if TYPE_CHECKING:
    from torchladder.probes.session import Pending, Session

ALIKE = 1e-4  # relative difference below which rows are equal: rounding parts what symmetry holds together
WHOLE_COPY_MAX = 1 << 20  # values; larger weights are compared on a strided sample
CALLS_KEPT = 24  # loss calls a phase keeps


@dataclass
class Watched:
    """One parameter over a phase."""

    tensor: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    weight_norm: float
    alike_first: tuple[bool, ...] | None
    ratios: list[float] = dataclasses.field(default_factory=list)
    grad_norm: float | None = None
    grad_zero: bool | None = None
    alike_grad: tuple[bool, ...] | None = None
    fresh: bool = True
    requires_grad: bool = True
    alike_last: tuple[bool, ...] | None = None

    def _axes(self) -> list[int]:
        """Return the axes along which the units began and stayed equal."""
        last = self.alike_last or self.alike_first
        return [i for i, a in enumerate(self.alike_first or ()) if a and last is not None and last[i]]

    def symmetric(self) -> bool | None:
        """Tell whether all units began and stayed equal; None for vectors."""
        return None if self.alike_first is None else bool(self._axes())

    def symmetric_gradient(self) -> bool | None:
        """Tell whether those units also had equal gradients, not all zero; None where there was none."""
        return None if self.alike_grad is None else any(self.alike_grad[i] for i in self._axes())


@dataclass
class RootSeen:
    """One root within one phase."""

    root: Root
    inputs: tuple[TensorFact, ...]
    output: TensorFact | None
    layers_training: tuple[str, ...]
    place: Place | None = None
    flags: list[tuple[int, bool]] = dataclasses.field(default_factory=list)


def _sample(t: torch.Tensor) -> torch.Tensor:
    flat = t.detach().reshape(-1)
    stride = flat.numel() // WHOLE_COPY_MAX + 1
    return flat[::stride].clone()


def alike(t: torch.Tensor) -> tuple[bool, ...] | None:
    """Tell along which of the first two axes all slices of a weight are equal; None for vectors.

    Units are rows in torch's layers and columns in hand-written ``x @ w``.
    """
    if t.dim() < MATRIX:
        return None
    top = t.abs().max()
    axes = [(t - t[:1]).abs().max() <= ALIKE * top, (t - t[:, :1]).abs().max() <= ALIKE * top]
    return tuple(bool(a) and t.shape[i] > 1 for i, a in enumerate(axes))


class Phase:
    """Rows gathered step by step; facts at the end."""

    def __init__(self, number: int, optimizer: torch.optim.Optimizer | None) -> None:
        self.id, self.optimizer = number, optimizer
        self.steps = self.dense_steps = 0
        self.losses: list[tuple[torch.Tensor, ...]] = []
        self.lrs: list[float] = []
        self.loss_calls: list[LossCallFact] = []
        self.broadcasts: dict[Any, BroadcastFact] = {}
        self.activations: dict[int, list[ActivationFact]] = {}
        self.pairs: list[Any] = []
        self.used: set[int] = set()
        self.used_refs: dict[int, torch.Tensor] = {}
        self.reached: dict[int, torch.Tensor] = {}
        self.cuts: dict[int, tuple[str, Place | None]] = {}
        self.output_weights: set[int] = set()
        self._outputs: set[int] = set()
        self.roots: dict[int, RootSeen] = {}
        self.watched: dict[int, Watched] = {}
        self.backward_places: Counter[Place] = Counter()
        self._inputs_before: list[torch.Tensor] = []
        self.compared = self.identical = 0
        self.batch_rows: int | None = None
        self.base_rows: int | None = None

    # --- gathering ----------------------------------------------------------------------------

    def before_step(self, session: "Session", pending: "Pending | None" = None) -> None:
        """Keep weights and gradients as the optimizer (or the user's own update) is about to use them."""
        reached = (pending or session.pending).reached
        tensors = [p for g in self.optimizer.param_groups for p in g["params"]] if self.optimizer else []
        known = {id(p): p for root in session.modules.roots.values() for p in root.module.parameters()}
        tensors += [p for i, p in known.items() if i not in {id(t) for t in tensors}]
        tensors += [t for i, t in reached.items() if i not in known]
        for p in {id(t): t for t in tensors}.values():
            self._watch(p, session)

    def _watch(self, p: torch.Tensor, session: "Session") -> None:
        row = self.watched.get(id(p))
        if row is None:
            kept = _sample(p)
            fresh = not (p in session.modules.loaded or p in session.operations.written or id(p) in session.trained())
            row = Watched(p, kept, kept, float(p.detach().double().norm()), alike(p.detach()), fresh=fresh)
            self.watched[id(p)] = row
        row.requires_grad = p.requires_grad
        if p.grad is not None:
            row.grad_norm = float(p.grad.detach().double().norm()) if not p.grad.is_sparse else None
            row.grad_zero = row.grad_norm == 0.0
            if self.steps < session.plan.dense_steps and not p.grad.is_sparse:
                row.alike_grad = None if row.grad_zero else alike(p.grad.detach())
                row.alike_last = alike(p.detach())
        row.last = _sample(p)

    def absorb(
        self, pending: "Pending", session: "Session", *, dense: bool, shared: bool, finished: bool = True
    ) -> None:
        """Take what was seen since the last step."""
        step = self.steps
        self.steps += finished
        if not finished or self.optimizer is None:
            self.before_step(session, pending)
        if not finished and self.optimizer is not None:
            for key, weights in (session.optimizers.lives[self.optimizer].untouched or {}).items():
                self.watched[key].first = _sample(weights)
        if not shared:
            self.losses.append(tuple(p.loss for p in pending.passes if p.loss is not None))
        self.backward_places.update(p.place for p in pending.passes if p.place is not None)
        if self.optimizer is not None:
            self.lrs.append(max((float(g.get("lr", 0.0)) for g in self.optimizer.param_groups), default=0.0))
        for call in pending.root_calls:
            self._flag(call, step)
        if not dense:
            return
        self.dense_steps += 1
        room = CALLS_KEPT - len(self.loss_calls)
        self.loss_calls += [
            dataclasses.replace(c, phase=self.id, step=step) for c in pending.loss_calls[: max(room, 0)]
        ]
        if not finished and room <= 0:
            self.loss_calls += [dataclasses.replace(c, phase=self.id, step=step) for c in pending.loss_calls[-1:]]
        for b in pending.broadcasts:
            site = (b.function, b.place)
            times = self.broadcasts[site].times if site in self.broadcasts else 0
            self.broadcasts[site] = dataclasses.replace(b, phase=self.id, times=times + 1)
        if pending.activations:
            late = 0 if step < session.plan.dense_steps else step
            facts = [activation_fact(a, self.id, step) for a in pending.activations.values()]
            self._merge_activations(late, facts)
        self.pairs = self.pairs or pending.pairs
        self.used |= pending.used
        self.reached.update(pending.reached)
        self.cuts.update(pending.cuts)
        self.output_weights |= pending.output_weights
        self._after_step()
        self._inputs(pending, session)

    def coast(self, pending: "Pending", *, shared: bool) -> None:
        """Take the losses of a step that nobody looked at closely, and the calls that were seen all the same."""
        if not shared:
            self.losses.append(tuple(p.loss for p in pending.passes if p.loss is not None))
        if self.optimizer is not None:
            self.lrs.append(max((float(g.get("lr", 0.0)) for g in self.optimizer.param_groups), default=0.0))
        for call in pending.root_calls:
            self._flag(call, self.steps)
        self.steps += 1

    def _merge_activations(self, key: int, facts: list[ActivationFact]) -> None:
        """Over the first steps a unit is dead only if it was dead in every one."""
        before = self.activations.get(key)
        if before is None or len(before) != len(facts):
            self.activations[key] = facts
            return
        merged = []
        for old, new in zip(before, facts, strict=True):
            n = old.n_samples + new.n_samples
            share = old.n_samples / n
            zeros = share * old.zeros + (1 - share) * new.zeros
            merged.append(dataclasses.replace(new, dead=min(old.dead, new.dead), zeros=zeros, n_samples=n))
        self.activations[key] = merged

    def _after_step(self) -> None:
        for row in self.watched.values():
            now = _sample(row.tensor)
            norm = float(row.last.double().norm())
            if norm > 0 and now.shape == row.last.shape:
                row.ratios.append(float((now - row.last).double().norm()) / norm)
            row.last = now

    def _flag(self, call: Any, step: int) -> None:
        seen = self.roots.get(id(call.root.module))
        if seen is None:
            inputs = tuple(describe(t) for t in list(tensors_in((call.args, call.kwargs)))[:8])
            out = first_output(call.output)
            seen = RootSeen(
                call.root, inputs, describe(out) if out is not None else None, call.layers_training, call.place
            )
            self.roots[id(call.root.module)] = seen
        if len(seen.flags) < 400:  # noqa: PLR2004 - enough for several epochs of a small program
            seen.flags.append((step, call.training))

    def _inputs(self, pending: "Pending", session: "Session") -> None:
        """Compare this step's data with the step before."""
        now = [t.detach() for call in pending.root_calls[:1] for t in tensors_in((call.args, call.kwargs))]
        now = [t for t in now if t.numel() > 1][:3]
        if not now:
            return
        self.batch_rows = now[0].shape[0] if now[0].dim() else None
        sliced = session.operations.sliced
        given = [t for call in pending.root_calls[:1] for t in tensors_in((call.args, call.kwargs))]
        self.base_rows = max([sliced[id(t)][1] for t in given if id(t) in sliced] or [self.base_rows or 0]) or None
        now += session.operations.targets[:1]
        if self._inputs_before:
            self.compared += 1
            pairs = zip(self._inputs_before, now, strict=False)
            self.identical += len(now) == len(self._inputs_before) and all(same_values(a, b) for a, b in pairs)
        self._inputs_before = [t.clone() for t in now]

    # --- facts --------------------------------------------------------------------------------

    def update_ratio(self) -> float | None:
        """Return the median over weights of two or more dimensions of the median |Δw| / |w|."""
        rows = [statistics.median(w.ratios) for w in self.watched.values() if w.ratios and w.tensor.dim() > 1]
        return statistics.median(rows) if rows else None

    def curve(self) -> CurveFact:
        """Return the loss by step; the only place where losses leave their device."""
        sums = [sum(float(v) for v in step) if step else math.nan for step in self.losses]
        return CurveFact(self.id, tuple(sums), tuple(self.lrs))

    def root_facts(self, session: "Session") -> list[RootFact]:
        """Return the models of this phase."""
        facts = []
        for seen in self.roots.values():
            module, root = seen.root.module, seen.root
            ps = list(module.parameters())
            done = session.modules.loaded
            modes = root.mode_lines or session.modules.mode_set.get(id(module), ())
            facts.append(
                RootFact(
                    name=type(module).__name__,
                    type=type(module).__name__,
                    phase=self.id,
                    n_parameters=sum(p.numel() for p in ps),
                    n_trainable=sum(p.numel() for p in ps if p.requires_grad),
                    inputs=seen.inputs,
                    output=seen.output,
                    place=seen.place or root.place,
                    created=session.modules.created(module),
                    pretrained=any(p in done for p in ps) or any(not w.fresh for w in self.watched.values()),
                    first_layer=root.first_layer,
                    training_flags=tuple(seen.flags),
                    mode_layers=tuple(n for n, m in module.named_modules() if isinstance(m, MODE_LAYERS)),
                    mode_layers_training=seen.layers_training,
                    eval_calls=root.eval_calls,
                    eval_calls_in_training_mode=root.eval_in_training_mode,
                    eval_place=root.eval_place,
                    mode_place=next(iter(modes), None),
                    mode_lines=modes[1:],
                    given=given_to(seen.place or root.place),
                )
            )
        return facts

    def broadcast_facts(self) -> list[BroadcastFact]:
        """Return element-wise operations that spread."""
        return list(self.broadcasts.values())

    def activation_facts(self) -> list[ActivationFact]:
        """Return activations by step, the first steps merged."""
        return [a for step in sorted(self.activations) for a in self.activations[step]]

    def pair_facts(self, session: "Session") -> list[AffinePairFact]:
        """Return affine layers in series."""
        facts = []
        names = session.optimizers.names()
        for first, second, whole, places in self.pairs:
            a, b = names.get(id(first), "?"), names.get(id(second), "?")
            lines = (*_container(a, b, session), *places)
            widths = (_fan_in(first), first.shape[0], second.shape[0])
            facts.append(AffinePairFact(self.id, _module(a), _module(b), widths, whole, lines))
        return facts

    def parameter_facts(self, session: "Session") -> list[ParameterFact]:
        """Return every parameter that is registered, held or reached."""
        names = session.optimizers.names()
        mine = {id(p) for g in self.optimizer.param_groups for p in g["params"]} if self.optimizer else set()
        anyone = session.held_by_any()
        for i, t in self.reached.items():
            if i not in self.watched:
                self._watch(t, session)
        self._outputs = self._output_parameters(session)
        return [self._parameter(i, w, names, mine, anyone, session) for i, w in self.watched.items()]

    def _parameter(
        self, key: int, w: Watched, names: dict[int, str], mine: set[int], anyone: set[int], session: "Session"
    ) -> ParameterFact:
        registered = key in names
        owner, module = None, None
        if registered:
            module = _module_object(session, names[key])
        else:
            for seen in self.roots.values():
                found = owner_of(seen.root.module, w.tensor)
                if found is not None:
                    owner, module = found
                    break
        created = session.modules.created(module)
        cut_by, cut = self.cuts.get(key, (None, None))
        return ParameterFact(
            name=names.get(key) or owner or f"tensor {list(w.tensor.shape)}",
            phase=self.id,
            shape=tuple(w.tensor.shape),
            requires_grad=w.requires_grad,
            registered=registered,
            reached=key in self.reached,
            in_optimizer=key in mine,
            in_any_optimizer=key in anyone,
            used=key in self.used or key in self.reached,
            grad_norm=w.grad_norm,
            grad_zero=w.grad_zero,
            weight_norm=w.weight_norm,
            update_ratio=statistics.median(w.ratios) if w.ratios else None,
            changed=not same_values(w.first, w.last) if w.first.shape == w.last.shape else True,
            rows_equal=w.symmetric(),
            grad_rows_equal=w.symmetric_gradient(),
            fresh=w.fresh,
            output_layer=key in self._outputs,
            module=_module(names[key]) if registered else None,
            module_type=type(module).__name__ if module is not None else None,
            created=created or session.operations.leaf_at.get(key),
            owner=owner,
            cut=cut if key not in self.reached else None,
            cut_by=cut_by if key not in self.reached else None,
            frozen_at=session.operations.frozen_at.get(key),
            filled_at=session.operations.filled.get((w.tensor.data_ptr(), w.tensor.numel())),
        )

    def _output_parameters(self, session: "Session") -> set[int]:
        """Return the parameters of the layers nearest the loss: by identity, as models may share their names."""
        found = set(self.output_weights)
        for root in session.modules.roots.values():
            for module in root.module.modules():
                own = {id(p) for p in module.parameters(recurse=False)}
                if own & self.output_weights:
                    found |= own
        return found

    def repeat_fact(self, session: "Session") -> RepeatFact:
        """Return how often consecutive batches were identical."""
        rows = max((x.n_samples or 0 for x in session.loaders.facts() if x.role == "train"), default=0)
        place = next((r.root.place for r in self.roots.values()), None)
        return RepeatFact(self.id, self.compared, self.identical, self.batch_rows, rows or self.base_rows, place)


def _container(first: str, second: str, session: "Session") -> tuple[Place, ...]:
    """Return the line of the Sequential that holds both layers side by side, if one does."""
    shared = _module(first).rpartition(".")[0]
    if shared != _module(second).rpartition(".")[0]:
        return ()
    for root in session.modules.roots.values():
        try:
            holder = root.module.get_submodule(shared)
        except AttributeError:
            continue
        place = session.modules.created(holder)
        if isinstance(holder, torch.nn.Sequential) and place is not None:
            return (place,)
    return ()


def _fan_in(weight: torch.Tensor) -> int:
    return math.prod(weight.shape[1:]) if weight.dim() > 1 else 1


def _module(name: str) -> str:
    return name.rpartition(":")[2].rpartition(".")[0]


def _module_object(session: "Session", name: str) -> Any:
    path = _module(name)
    for root in session.modules.roots.values():
        try:
            return root.module.get_submodule(path)
        except AttributeError:
            continue
    return None
