"""Calls that clip gradients: when in the step, on which tensors, and how far."""

import functools
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import utils

from torchladder.core.findings import Place
from torchladder.core.step_facts import ClipFact
from torchladder.probes.optimizers import held, is_clear
from torchladder.runner.place import user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

DOORS = {"clip_grad_norm_": "norm", "clip_grad_value_": "value"}
NORMS_KEPT = 64


@dataclass
class Site:
    """One line that clips."""

    kind: str
    phase: int
    limit: float
    calls: int = 0
    before_backward: int = 0
    after_step: int = 0
    empty: int = 0
    strange: int = 0
    scaled: int = 0
    norms: list[float] = field(default_factory=list)


class Clips:
    """Wraps torch's clipping functions; ``pass_over`` leaves the gradients as they are."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.sites: dict[tuple[str, Place | None], Site] = {}
        self.pass_over = False  # an experiment without clipping

    def install(self) -> None:
        """Start to look."""
        for name, kind in DOORS.items():
            wrapped = self._wrap(getattr(utils, name), kind)
            setattr(utils, name, wrapped)
            setattr(utils.clip_grad, name, wrapped)

    def _wrap(self, original: Any, kind: str) -> Any:
        @functools.wraps(original)
        def clip(parameters: Any, limit: Any, *args: Any, **kwargs: Any) -> Any:
            # a generator may be read only once
            listed = parameters if isinstance(parameters, torch.Tensor) else list(parameters)
            place = user_place()
            if self.session.dense:
                try:
                    self._look(kind, place, [listed] if isinstance(listed, torch.Tensor) else listed, limit)
                except Exception as error:
                    self.session.failed("clips", error)
            if self.pass_over:
                limit = float("inf")
            with self.session.quiet():
                return original(listed, limit, *args, **kwargs)

        def keyed(parameters: Any, *args: Any, **kwargs: Any) -> Any:
            for name in ("max_norm", "clip_value"):
                if name in kwargs:
                    args = (kwargs.pop(name), *args)
            return clip(parameters, *args, **kwargs)

        return functools.wraps(original)(keyed)

    def _look(self, kind: str, place: Place | None, tensors: list[torch.Tensor], limit: Any) -> None:
        session = self.session
        with session.quiet(), torch.no_grad():
            known = [p for p in session.phases if any(t in p.watched for t in map(id, tensors[:1]))]
            phase = known[-1].id if known else max(len(session.phases) - 1, 0)
            site = self.sites.setdefault((kind, place), Site(kind, phase, float(limit)))
            site.calls += 1
            if not tensors:
                site.empty += 1
                return
            mine = session.held_by_any()
            if mine and not any(id(t) in mine for t in tensors):
                site.strange += 1
                return
            owners = [
                life for o, life in session.optimizers.lives.items() if {id(p) for p in held(o)} & set(map(id, tensors))
            ]
            fresh = bool(session.pending.passes) or any(life.passes_now for life in owners)
            if not fresh and owners:
                clear = is_clear(tensors)
                site.before_backward += clear
                site.after_step += not clear
                return
            scalers: Any = session.probes.get("scalers")
            site.scaled += bool(scalers is not None and scalers.still_scaled())
            if len(site.norms) < NORMS_KEPT:
                site.norms.append(_norm(tensors, kind))

    def facts(self) -> dict[str, Any]:
        """Return one row a line."""
        return {
            "clips": tuple(
                ClipFact(
                    kind=s.kind,
                    place=place,
                    phase=s.phase,
                    limit=s.limit,
                    calls=s.calls,
                    before_backward=s.before_backward,
                    after_step=s.after_step,
                    empty=s.empty,
                    strange=s.strange,
                    scaled=s.scaled,
                    norm_min=min(s.norms, default=None),
                    norm_median=statistics.median(s.norms) if s.norms else None,
                )
                for (_, place), s in self.sites.items()
            )
        }


def _norm(tensors: list[torch.Tensor], kind: str) -> float:
    """Return the norm of all gradients, or their largest value."""
    grads = [t.grad.detach() for t in tensors if t.grad is not None and not t.grad.is_sparse]
    if kind == "value":
        return max((float(g.abs().max()) for g in grads if g.numel()), default=0.0)
    return float(sum(float(g.double().norm()) ** 2 for g in grads) ** 0.5)
