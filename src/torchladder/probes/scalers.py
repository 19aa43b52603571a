"""Loss scaling for float16: which of GradScaler's calls are made, and around which steps."""

import functools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.amp import GradScaler

from torchladder.core.findings import Place
from torchladder.core.step_facts import ScalerFact
from torchladder.probes.guarded import guarded
from torchladder.runner.place import user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session


@dataclass
class Used:
    """One scaler so far."""

    scaler: Any
    created: Place | None
    counts: Counter[str] = field(default_factory=Counter)
    places: list[Place] = field(default_factory=list)
    first: float | None = None
    last: float | None = None
    scaled_now: bool = False  # a scaled loss was differentiated since the last step
    unscaled_now: bool = False


class Scalers:
    """Wraps GradScaler and autocast's entry."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.table: dict[int, Used] = {}
        self.half: Counter[Place] = Counter()  # lines that enter float16 autocast in training
        self._last: list[torch.Tensor] = []
        self._within = 0

    def install(self) -> None:
        """Start to look."""
        original = GradScaler.__init__

        @functools.wraps(original)
        def init(scaler: Any, *args: Any, **kwargs: Any) -> None:
            original(scaler, *args, **kwargs)
            if scaler.is_enabled():
                self.table[id(scaler)] = Used(scaler, user_place())

        GradScaler.__init__ = init  # type: ignore[assignment,method-assign]
        for name in ("scale", "unscale_", "step", "update"):
            setattr(GradScaler, name, self._wrap(getattr(GradScaler, name), name))
        enter = torch.amp.autocast_mode.autocast.__enter__

        @functools.wraps(enter)
        def entered(context: Any, *args: Any) -> Any:
            dtype = getattr(context, "fast_dtype", None)
            if dtype is torch.float16 and getattr(context, "_enabled", False) and torch.is_grad_enabled():
                place = user_place()
                if place is not None:
                    self.half[place] += 1
            return enter(context, *args)  # type: ignore[no-untyped-call]

        torch.amp.autocast_mode.autocast.__enter__ = entered  # type: ignore[method-assign]
        self.session.backward.before.append(guarded(self.session, "scalers", self._backward))
        self.session.optimizers.before_step.append(guarded(self.session, "scalers", self._step))

    def _wrap(self, original: Any, name: str) -> Any:
        @functools.wraps(original)
        def call(scaler: Any, *args: Any, **kwargs: Any) -> Any:
            used = self.table.get(id(scaler))
            if used is None:
                return original(scaler, *args, **kwargs)
            used.counts[name] += 1
            place = user_place()
            if place is not None and place not in used.places and len(used.places) < 4:  # noqa: PLR2004 - enough to show
                used.places.append(place)
            before = self.session.steps
            self._within += 1
            try:
                out = original(scaler, *args, **kwargs)
            finally:
                self._within -= 1
            self._after(used, name, args, out, stepped=self.session.steps != before)
            return out

        return call

    def _after(self, used: Used, name: str, args: tuple[Any, ...], out: Any, *, stepped: bool) -> None:
        if name == "scale" and isinstance(out, torch.Tensor):
            self._last = [out]
        elif name == "unscale_":
            used.unscaled_now = True
        elif name == "step":
            used.counts["skipped"] += not stepped
            used.scaled_now = used.unscaled_now = False
        if name == "update" or used.first is None:
            used.last = float(used.scaler.get_scale())
            used.first = used.last if used.first is None else used.first
        del args

    def _backward(self, loss: Any) -> None:
        scaled = any(loss is t for t in self._last)
        for used in self.table.values():
            used.scaled_now = used.scaled_now or scaled
            used.counts["unscaled_backwards"] += not scaled

    def _step(self, optimizer: torch.optim.Optimizer) -> None:
        del optimizer
        if self._within:
            return
        for used in self.table.values():
            used.counts["bare"] += used.scaled_now and not used.unscaled_now
            used.scaled_now = used.unscaled_now = False

    def still_scaled(self) -> bool:
        """Tell whether the gradients of now carry a scale."""
        return any(u.scaled_now and not u.unscaled_now for u in self.table.values())

    def facts(self) -> dict[str, Any]:
        """Return one row a scaler that trained, or one for float16 without any."""
        if not self.table and self.half and self.session.backward.count:
            places = tuple(p for p, _ in self.half.most_common(2))
            return {"scalers": (ScalerFact(places[0], missing=True, places=places),)}
        return {"scalers": tuple(_fact(used) for used in self.table.values())}


def _fact(used: Used) -> ScalerFact:
    n = used.counts
    return ScalerFact(
        created=used.created,
        scaled=n["scale"],
        unscaled_backwards=n["unscaled_backwards"],
        steps=n["step"],
        updates=n["update"],
        unscales=n["unscale_"],
        bare_steps=n["bare"],
        skipped=n["skipped"],
        first=used.first,
        last=used.last,
        places=tuple(used.places),
    )
