"""Calls of dropout and batch norm: how strong, in which mode, over how many samples."""

import linecache
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchladder.core.findings import Place
from torchladder.core.model_facts import BatchNormFact, DropoutFact
from torchladder.probes.interceptor import Call
from torchladder.probes.modules import RootCall
from torchladder.probes.questions import answer, asking, kept

if TYPE_CHECKING:
    from torchladder.probes.phases import Phase
    from torchladder.probes.session import Session

DROPOUTS = {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"}
ATTENTION = "scaled_dot_product_attention"
FEW_VALUES = 64  # numbers a mean is taken over, up to which the two modes are compared
STATEMENT = 8  # lines a call may span
BATCH_NORMS = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - no public base


@dataclass
class Dropped:
    """One dropout so far."""

    function: str
    place: Place | None
    module: str | None
    created: Place | None
    gated: bool
    p: float = 0.0
    active: int = 0
    active_in_eval: int = 0


@dataclass
class Normed:
    """One batch norm so far: (samples, numbers per channel) of its training batches."""

    created: Place | None
    momentum: float | None
    batches: Counter[tuple[int, int]] = field(default_factory=Counter)


class Regularisers:
    """The probe: a listener of two families of calls, at any step."""

    names = frozenset(DROPOUTS) | {ATTENTION, "batch_norm"}

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.dropouts: dict[Any, Dropped] = {}
        self.norms: dict[str, Normed] = {}
        self.call: RootCall | None = None

    def install(self) -> None:
        """Start to look."""
        self.session.interceptor.listeners.append(self)
        self.session.on_step.append(self._keep)

    def before(self, call: Call) -> None:
        """Nothing before."""

    def after(self, call: Call) -> None:
        """Note a call of dropout or batch norm within a model."""
        if call.name in DROPOUTS:
            self._dropout(call, call.argument(1, "p", 0.5), bool(call.argument(2, "training", default=True)))
        elif call.name == ATTENTION:
            p = call.argument(4, "dropout_p", 0.0)
            self._dropout(call, p, active=p > 0)
        elif call.name == "batch_norm":
            self._norm(call)

    def _dropout(self, call: Call, p: float, active: bool) -> None:  # noqa: FBT001 - one private call
        stack = self.session.modules.stack
        if not stack or not active or not p > 0:
            return
        running = stack[-1]
        key = (call.name, call.place, id(running))
        row = self.dropouts.get(key)
        if row is None:
            own = type(running).__module__.startswith("torch.")
            row = self.dropouts[key] = Dropped(
                call.name,
                call.place,
                self.session.modules.name_of(running),
                self.session.modules.created_of_torch(running),
                own or _says_training(call.place),
            )
        row.p = max(row.p, float(p))
        evaluating = not stack[0].training and not running.training and not torch.is_grad_enabled()
        row.active += not evaluating
        row.active_in_eval += evaluating

    def _norm(self, call: Call) -> None:
        x = call.argument(0, "input")
        running = self.session.modules.running()
        if (
            not call.argument(5, "training", default=False)
            or not isinstance(running, BATCH_NORMS)
            or not running.training
        ):
            return
        if not torch.is_grad_enabled() or x.dim() < 2 or call.argument(1, "running_mean") is None:  # noqa: PLR2004
            return
        name = self.session.modules.name_of(running) or ""
        if name not in self.norms:
            created = self.session.modules.created(running)
            self.norms[name] = Normed(created, running.momentum)
        self.norms[name].batches[x.shape[0], x.numel() // x.shape[1]] += 1

    def _keep(self, phase: "Phase | None") -> None:
        """Keep the newest dense batch of a model whose batch norms see few numbers."""
        del phase
        if not any(_usual(n)[1] <= FEW_VALUES for n in self.norms.values()):
            return
        calls = self.session.shared.root_calls
        if calls and (self.call is None or self.session.dense or self.session.steps % 10 == 0):
            self.call = kept(calls[-1])

    def facts(self) -> dict[str, Any]:
        """Return a row a dropout, and one for the batch norm that sees least."""
        dropouts = tuple(
            DropoutFact(d.function, d.p, d.active, d.active_in_eval, d.gated, d.place, d.module, d.created)
            for d in self.dropouts.values()
        )
        return {"dropouts": dropouts, "batch_norms": self._norm_facts()}

    def _norm_facts(self) -> tuple[BatchNormFact, ...]:
        if not self.norms:
            return ()
        name, least = min(self.norms.items(), key=lambda item: _usual(item[1])[1])
        rows, values = _usual(least)
        smallest = min(r for r, _ in least.batches)
        calls = sum(least.batches.values())
        gap = self._gap() if values <= FEW_VALUES else None
        return (
            BatchNormFact(smallest, rows, values, calls, least.momentum, gap, len(self.norms), name, least.created),
        )

    def _gap(self) -> float | None:
        """Return how far apart the two modes of batch norm are for one batch of training data."""
        if self.call is None:
            return None
        module = self.call.root.module
        try:
            with asking(module):
                running = answer(self.call)
            with asking(module, lambda m: isinstance(m, BATCH_NORMS)):
                batch = answer(self.call)
        except Exception as error:
            self.session.failed("batch norm", error)
            return None
        if running is None or batch is None or running.shape != batch.shape or running.numel() < 2:  # noqa: PLR2004
            return None
        spread = float((running - running.mean(0, keepdim=True)).float().pow(2).mean().sqrt())
        return float((running - batch).float().pow(2).mean().sqrt()) / spread if spread > 0 else None


def _usual(norm: Normed) -> tuple[int, int]:
    """Return (samples, numbers per channel) of the most frequent batch."""
    return norm.batches.most_common(1)[0][0]


def _says_training(place: Place | None) -> bool:
    """Tell whether the writer of a call chose its mode, by ``training`` or True; so it is taken without a source."""
    if place is None:
        return True
    path = place.path if Path(place.path).is_file() else str(Path.cwd() / place.path)
    last = min(place.end_line or place.line, place.line + STATEMENT)
    text = "".join(linecache.getline(path, n) for n in range(place.line, last + 1))
    return not text or "training" in text or "True" in text
