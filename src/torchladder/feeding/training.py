"""The loaders of a program while it trains: its own first steps are timed, then other settings are tried under them.

Passes over a loader are handed out by us. Once it is known which loader feeds the training and how long its steps take
and wait, the same loop goes on with a batch that is kept (what a step computes), then with batches from copies of the
loader with other settings. At last the pass is ended, to see what is evaluated after it, and how long that takes.
"""

import _thread
import time
from collections.abc import Generator
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader

from torchladder.core.feeding_facts import EvaluationTimeFact
from torchladder.core.findings import Place
from torchladder.core.jsonable import to_json
from torchladder.feeding.fed import Fed, Stream
from torchladder.feeding.look import Look
from torchladder.feeding.passes import Pass, copied, first_tensor, now, samples_in
from torchladder.feeding.search import said
from torchladder.feeding.settings import OWN, length
from torchladder.feeding.transfer import beside_steps
from torchladder.runner.control import Control
from torchladder.runner.place import user_place

NATURAL_SHARE, LEAST_STEPS, MOST_STEPS = 0.15, 8, 400  # of the program's own steps
KEPT_SHARE, KEPT_LEAST, KEPT_MOST = 0.05, 3, 50  # steps with a batch that is kept
SEARCH_SHARE = 0.5  # of the budget
WAITS = 0.1  # share of a step's time from which on other settings are worth a trial
EVALUATED = 5.0  # seconds of one evaluation pass that are timed, before it is cut
EVALUATED_LEAST, EVALUATED_SHARE = 3, 0.1  # batches of it, and share of the budget
AFTER = 10.0  # seconds that the program is given to evaluate in


class Training:
    """The experiment."""

    def __init__(self, control: Control, budget: float) -> None:
        self.control, self.budget = control, budget
        self.table: dict[int, Fed] = {}
        self.created: dict[int, Place | None] = {}
        self.current: Fed | None = None
        self.main: Fed | None = None
        self.look: Look | None = None
        self.device: str | None = None
        self.computing: float | None = None
        self.failed: str | None = None
        self.finished = False  # whether the pass over the training data was ended by us
        self.steps = 0

    # --- attaching ----------------------------------------------------------------------------

    def install(self) -> None:
        """Hand out batches from now on, and hear of training steps."""
        original_init, original = DataLoader.__init__, DataLoader.__iter__
        training = self

        def init(loader: Any, *args: Any, **kwargs: Any) -> None:
            training.created[id(loader)] = user_place()
            original_init(loader, *args, **kwargs)

        def iterate(loader: Any) -> Any:
            if OWN in vars(loader) or training.control.is_copy():
                return original(loader)
            fed = training.table.setdefault(id(loader), Fed(loader, training.created.get(id(loader)) or user_place()))
            training.opened(fed)
            return Stream(original(loader), training, fed)

        DataLoader.__init__ = init  # type: ignore[assignment,method-assign]
        DataLoader.__iter__ = iterate  # type: ignore[method-assign]
        backward = torch.autograd.backward

        def differentiated(*args: Any, **kwargs: Any) -> Any:
            result = backward(*args, **kwargs)
            training.trained()
            return result

        torch.autograd.backward = differentiated
        register_optimizer_step_post_hook(lambda o, *_: training.stepped(o))

    def trained(self) -> None:
        """A backward pass has gone through."""
        self.steps += 1
        if self.current is not None:
            self.current.trained += 1

    def stepped(self, optimizer: Any) -> None:
        """Learn where the training runs."""
        if self.device is None:
            self.device = next((p.device.type for g in optimizer.param_groups for p in g["params"]), None)

    # --- handing out --------------------------------------------------------------------------

    def opened(self, fed: Fed) -> None:
        """A pass begins; when what follows a pass over the training data has been seen, that is all."""
        fed.passes += 1
        if self.finished and fed is self.main:
            self.control.stop("done")

    def serve(self, stream: Stream) -> Any:
        """Hand out the next batch."""
        asked = now()
        fed: Fed = stream._fed  # noqa: SLF001
        seen: Pass = stream._seen  # noqa: SLF001
        if stream._came is not None:  # noqa: SLF001
            seen.works.append(asked - stream._came)  # noqa: SLF001
            stream.__dict__["_came"] = None
        if fed.plan is None and self.main is None and self._known(fed):
            self.main = fed
            fed.plan = self._plan(fed)
        if fed.plan is not None:
            return self._planned(fed)
        if self.finished and self._cut(seen):
            raise StopIteration
        return self._natural(stream, fed, seen, asked)

    def _natural(self, stream: Stream, fed: Fed, seen: Pass, asked: float) -> Any:
        try:
            batch = next(stream._inner)  # noqa: SLF001
        except StopIteration:
            seen.whole, seen.ending = True, now() - asked
            raise
        if not seen.waits:
            fed.natural.append(seen)
            asked = stream._began  # noqa: SLF001
        fed.served += 1
        self.current = fed
        seen.samples += samples_in(batch)
        if fed.served == 1 and first_tensor(batch) is not None:
            fed.kept = copied(batch)
        came = now()
        seen.waits.append(came - asked)
        stream.__dict__["_came"] = came
        return batch

    def _known(self, fed: Fed) -> bool:
        """Tell whether enough is known of the program's own steps on a loader."""
        if not fed.trained or fed.steps < LEAST_STEPS:
            return False
        spent = sum(sum(p.waits) + sum(p.works) for p in fed.natural)
        short = fed.natural and fed.natural[0].whole and len(fed.natural) < 3  # noqa: PLR2004 - starts of passes count
        return (
            fed.steps >= MOST_STEPS
            or (spent > NATURAL_SHARE * self.budget and not short)
            or (spent > 2 * NATURAL_SHARE * self.budget)
        )

    def _planned(self, fed: Fed) -> Any:
        assert fed.plan is not None
        self.current = fed
        try:
            return next(fed.plan)
        except StopIteration:
            fed.plan, fed.done = None, True
            self.finished = True
            _thread.start_new_thread(self._late, ())
            raise StopIteration from None

    def _late(self) -> None:
        """End a program that neither evaluates nor begins another pass."""
        time.sleep(AFTER)
        self.control.stop("late")

    # --- what is measured ---------------------------------------------------------------------

    def _plan(self, fed: Fed) -> Generator[Any, None, None]:
        """Hand out everything that the training loop is still to be given."""
        self.look = Look(fed.loader, fed.place, self.device)
        try:
            yield from self._kept(fed)
            self.look.measure_alone(self.budget)
            if self.waiting(fed) >= WAITS:
                yield from self.look.tried(SEARCH_SHARE * self.budget, "training", fed.per_pass())
        except GeneratorExit:
            raise
        except Exception as error:
            self.failed = said(error)

    def _kept(self, fed: Fed) -> Generator[Any, None, None]:
        """Hand out one batch again and again: what a step takes then is computing."""
        if fed.kept is None:
            return
        works: list[float] = []
        until = now() + KEPT_SHARE * self.budget
        while len(works) < KEPT_MOST and (len(works) < KEPT_LEAST or now() < until):
            batch = copied(fed.kept)
            came = now()
            yield batch
            if self.device == "cuda":
                torch.cuda.synchronize()
            works.append(now() - came)
            self.computing = sorted(works)[len(works) // 2]
        fed.kept = None

    def waiting(self, fed: Fed) -> float:
        """Return the share of the program's own steps that is spent waiting."""
        waited, _, seconds = self._natural_figures(fed)
        return waited / seconds if seconds else 0.0

    def _natural_figures(self, fed: Fed) -> tuple[float, float, float]:
        """Return seconds waited, of these at the starts and ends of passes, and seconds in all, over a whole pass.

        The start of a pass is shared among all its batches, also where only the first few of them were seen.
        """
        n = fed.per_pass()
        waited = first = seconds = 0.0
        for p in fed.natural:
            count = len(p.works)
            if not count:
                continue
            starts = p.first if p.whole or not n else p.first * min(count / n, 1.0)
            each = sum(p.waits[1:]) + min(p.waits[0], p.each_wait) if p.whole else p.each_wait * count
            waited += each + starts
            first += starts
            seconds += each + starts + sum(p.works)
        return waited, first, seconds

    def _cut(self, seen: Pass) -> bool:
        """Tell whether a pass over held-out data has been timed for long enough."""
        spent = sum(seen.waits) + sum(seen.works)
        return seen.batches >= EVALUATED_LEAST and spent > min(EVALUATED, EVALUATED_SHARE * self.budget)

    # --- the end ------------------------------------------------------------------------------

    def evaluation(self) -> tuple[EvaluationTimeFact, ...]:
        """Return what evaluation passes cost beside the training between them, as far as it was seen."""
        main = self.main
        if main is None or not main.done:
            return ()
        _, _, seconds = self._natural_figures(main)
        step = seconds / main.steps if main.steps else 0.0
        n = main.per_pass()
        rows = []
        for fed in self.table.values():
            if fed is main or fed.trained or not fed.natural or n is None:
                continue
            last = fed.natural[-1]
            each, many = last.each, length(fed.loader)
            whole = sum(last.waits) + sum(last.works) + last.ending if last.whole else None
            cost = whole if whole is not None else last.first + each * many if many is not None else None
            if cost is None:
                continue
            rows.append(EvaluationTimeFact(fed.place, fed.passes, cost, n * step, n, each_epoch=main.passes > 1))
        return tuple(rows)

    def _afterwards(self, main: Fed) -> Look:
        """Look at the loader of a program that ended, after fewer steps than settings can be tried under."""
        look = self.look = Look(main.loader, main.place, self.device)
        if self.control.seconds_left() > self.budget:
            try:
                look.measure_alone(self.budget)
                for _ in look.tried(SEARCH_SHARE * self.budget, "alone", length(main.loader)):
                    pass
            except Exception as error:
                self.failed = said(error)
        return look

    def collect(self) -> dict[str, Any]:
        """Return what is known by now."""
        rows = []
        main = self.main or next((f for f in self.table.values() if f.trained), None)
        if main is not None:
            look = self.look or self._afterwards(main)
            waited, first, seconds = self._natural_figures(main)
            rows.append(
                look.fact(
                    passes=len(main.natural),
                    batches=sum(p.batches for p in main.natural),
                    steps=main.steps,
                    seconds=seconds,
                    waited=waited,
                    first_waited=first,
                    recent=waited / seconds if seconds else None,
                    computing=self.computing,
                )
            )
        transfer = self.look.transfer if self.look is not None else None
        return {
            "feeding": to_json(rows),
            "transfers": to_json(beside_steps(transfer, self.device, self.computing)),
            "gpu": torch.cuda.is_available(),
            "evaluation_times": to_json(self.evaluation()),
            "loaders": len(self.table),
            "served": sum(f.served for f in self.table.values()),
            "steps": self.steps,
            "failed": self.failed,
        }
