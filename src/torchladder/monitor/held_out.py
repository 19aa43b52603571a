"""Evaluation passes of a live run: what the model predicts between ``eval()`` and ``train()``, against its targets.

Nothing is attached while the model trains. From ``eval()`` on, outputs of the model are paired with the integral or
floating data they meet in a loss, a comparison, or the loader's batch, kept on their device, and scored in one go when
the pass ends. Models that torch.compile runs are left alone: watching their calls would compile them anew.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.findings import Place
from torchladder.monitor.hand import Hand
from torchladder.probes.interceptor import Call, Interceptor
from torchladder.probes.losses import LOSSES
from torchladder.probes.scoring import figures, kind_of, merged, score
from torchladder.probes.tensors import tensors_in
from torchladder.runner.place import user_place

PASSES_KEPT = 4000
NUMBERS_KEPT = 4_000_000  # of outputs that are kept on their device during one pass
FOLLOWED = 64  # tensors computed from the output in flight
CALL_SECONDS = 3e-6  # what seeing one torch call costs; counted towards the budget


@dataclass
class Pass:
    """One pass over one set."""

    step: int
    phase: int
    root: nn.Module
    place: Place | None
    loader: Any
    calls: int = 0
    rows: int = 0
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    losses: list[tuple[str, Place | None, torch.Tensor, int]] = field(default_factory=list)
    numbers: int = 0


class HeldOut:
    """Follows evaluation passes; ``rows`` are theirs, ``predictions`` those of the last one."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.rows: list[EvaluationFact] = []
        self.predictions: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.batch: list[torch.Tensor] = []
        self.loader: Any = None
        self.sets: list[int] = []
        self.calls = 0  # torch calls seen, for the budget
        self.running: Pass | None = None
        self._interceptor = Interceptor()
        self._entered = False
        self._handles: list[Any] = []
        self._followed: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._met = False

    @property
    def following(self) -> bool:
        """Whether a pass may be going on."""
        return bool(self._handles)

    # --- begin and end ------------------------------------------------------------------------

    def begin(self, roots: list[nn.Module], step: int, phase: int) -> None:
        """The models evaluate from now on."""
        if self._handles:
            return
        for root in roots:
            self._handles.append(root.register_forward_hook(self._hook(root, step, phase), with_kwargs=True))
        self._interceptor.listeners = [self]
        if self._entered:
            self._interceptor.resume()
        else:
            self._interceptor.__enter__()  # type: ignore[no-untyped-call]
            self._entered = True

    def end(self) -> None:
        """They train again, or the run is over."""
        if not self._handles:
            return
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if not self._interceptor.suspend():
            self._interceptor.listeners = []  # another mode lies above: it stays, deaf, until that one has left
        self._close()

    def abandon(self) -> None:
        """Stop following a pass in which something of ours failed; nothing is said of it."""
        self.running, self._followed = None, {}
        self.end()

    def serve(self, loader: Any, batch: Any) -> None:
        """A loader has handed out a batch."""
        self.loader = loader
        self.batch = list(tensors_in(batch)) if self._handles else []

    # --- what is seen -------------------------------------------------------------------------

    def _hook(self, root: nn.Module, step: int, phase: int) -> Any:
        def look(module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:  # noqa: ARG001
            try:
                self._called(root, args, kwargs, out, step, phase)
            except Exception:
                self.abandon()

        return look

    def _called(self, root: nn.Module, args: Any, kwargs: Any, out: Any, step: int, phase: int) -> None:
        if torch.is_grad_enabled() and root.training:
            return
        outputs = [t for t in tensors_in(out) if t.is_floating_point() and t.dim() > 0]
        if not outputs:
            return
        loader = self.loader if self.batch else None
        current = self.running
        if current is None or current.root is not root or current.loader is not loader:
            self._close()
            current = self.running = Pass(step, phase, root, user_place(), loader)
        logits = out.get("logits") if isinstance(out, dict) else None
        first = logits if isinstance(logits, torch.Tensor) else outputs[0]
        current.calls += 1
        current.rows += int(first.shape[0])
        self._followed = {id(t): (t, t.detach()) for t in outputs[:4]}
        self._met = False
        given = {id(t) for t in tensors_in((args, kwargs))}
        for t in self.batch:
            if id(t) not in given and t.device == first.device and kind_of(first.detach(), t) == "classes":
                self._pair(first.detach(), t)
                self._met = True

    def before(self, call: Call) -> None:
        """Nothing is changed."""

    def after(self, call: Call) -> None:
        """Note losses, and the data that outputs meet."""
        self.calls += 1
        current = self.running
        if current is None or not self._followed:
            return
        given = list(tensors_in((call.args, call.kwargs), 2))
        known = next((self._followed[id(t)][1] for t in given if id(t) in self._followed), None)
        if known is None:
            return
        out = call.out if isinstance(call.out, torch.Tensor) else None
        if call.name in LOSSES and out is not None and out.numel() == 1 and isinstance(call.args[0], torch.Tensor):
            name = call.name.removesuffix("_nd")
            current.losses.append((name, call.place, out.detach().clone(), int(call.args[0].shape[0])))
        for other in given:
            data = id(other) not in self._followed and other.numel() > 1 and not other.requires_grad
            if data and not self._met and kind_of(known, other) is not None:
                self._pair(known, other.detach())
                self._met = True
        if out is not None and out.dim() > 0 and len(self._followed) < FOLLOWED:
            self._followed[id(out)] = (out, known)

    def _pair(self, output: torch.Tensor, target: torch.Tensor) -> None:
        current = self.running
        assert current is not None
        if current.numbers + output.numel() <= NUMBERS_KEPT:
            current.numbers += output.numel()
            current.pairs.append((output, target))

    # --- rows ---------------------------------------------------------------------------------

    def _close(self) -> None:
        """Score the pass that was running."""
        done, self.running, self._followed = self.running, None, {}
        if done is None or not done.calls or len(self.rows) >= PASSES_KEPT:
            return
        with torch.no_grad():
            total = merged([score(output, target) for output, target in done.pairs])
        n = sum(rows for *_, rows in done.losses)
        first = done.losses[0] if done.losses else None
        same = [(float(v), k) for name, _, v, k in done.losses if first is not None and name == first[0]]
        trained = done.loader is not None and id(done.loader) in self.hand.trained
        if not trained and done.pairs:
            self.predictions = done.pairs
        data = id(done.loader.dataset) if done.loader is not None else None
        if data is not None and data not in self.sets:
            self.sets.append(data)
        self.rows.append(
            EvaluationFact(
                index=len(self.rows),
                step=done.step,
                phase=done.phase,
                root=type(done.root).__name__,
                place=done.place,
                calls=done.calls,
                rows=done.rows,
                data=self.sets.index(data) if data is not None else None,
                loader_trained=trained,
                loss=sum(v * k for v, k in same) / sum(k for _, k in same) if n else None,
                loss_function=first[0] if first is not None else None,
                loss_place=first[1] if first is not None else None,
                **(figures(total) if total is not None and total.scored else {}),
            )
        )

    def save(self, folder: Path) -> Path | None:
        """Write the predictions of the last held-out pass as ``output`` and ``target``; return the file."""
        shape = self.predictions[0][0].shape[1:] if self.predictions else None
        alike = [(o, t) for o, t in self.predictions if o.shape[1:] == shape]
        if not alike:
            return None
        outputs, targets = (torch.cat([p[i].detach().cpu() for p in alike]) for i in (0, 1))
        path = folder / "predictions.npz"
        np.savez_compressed(path, output=outputs.float().numpy(), target=targets.numpy())
        return path
