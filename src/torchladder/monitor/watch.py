"""``torchladder.watch``: an eye on a training loop, as a context, as a decorator, or around a whole script."""

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.core.errors import UsageError
from torchladder.core.findings import Finding, Severity
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.monitor.courier import Courier
from torchladder.monitor.courses import layers_of
from torchladder.monitor.history import History
from torchladder.monitor.monitor import Monitor
from torchladder.monitor.ranks.gathered import Gathered
from torchladder.monitor.ranks.notice import Notice
from torchladder.monitor.ranks.whoami import rank_and_world
from torchladder.monitor.settings import Settings
from torchladder.monitor.stop import Stop
from torchladder.monitor.summary import sentence
from torchladder.runner import place

if TYPE_CHECKING:
    from torchladder.report.layer_table import LayerTable

Alert = Callable[[Finding], None]


def watch(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Keep an eye on a training loop; its results are bit for bit those without.

    Use as ``with torchladder.watch() as run:``, as ``@torchladder.watch`` or ``@torchladder.watch(...)``. Models and
    optimizers are found when they first step. Verdicts are printed as they come, each once; the cost at the end.

    Args:
        function: The function to watch, when used as a bare decorator.
        options: Those of :class:`Watch`.

    Returns:
        A :class:`Watch`, or the watched function.

    Raises:
        UsageError: For an impossible option.
    """
    eye = Watch(**options)
    return eye if function is None else eye(function)


class Watch(contextlib.ContextDecorator):
    """One watched run, as a context or a decorator.

    Args:
        overhead: Share of the time that watching may take; samples are thinned out to keep it.
        every: Optimizer steps between two samples once the first 200 are over, budget permitting.
        activations: Whether outputs of layers are measured at sampled steps.
        histograms: Steps between two histograms of weights and gradients; 0 for none.
        nonfinite: Whether the first NaN or Inf is traced to the operation that made it; "exact" does so on a GPU
            too, where it waits for the device once a step.
        stop_on: Codes or names of rules ("TL212", "exploding-gradient") at which the training is stopped: the state
            dicts are saved in the run's folder, then ``SystemExit`` is raised from the optimizer's step. Of several
            processes all leave after the same step, which the first one names.
        on_alert: Called with each new finding, in the training's thread; what it raises is noted and ignored. Of
            several processes the first is told of those of all, each of the others of its own.
        to: Further sinks beside the run's folder.
        folder: Where runs are kept; None keeps no record.
        name: Of the run; the script's name if not given.
        data: Files and folders of the data, whose fingerprint is to be in the record.
        quiet: Print nothing.

    Attributes:
        findings: What was found so far; in the first of several processes, by any of them.
        cost: Share of the time that watching took so far.
        folder: The run's folder, None before it began or when none is kept.

    Raises:
        UsageError: For an impossible option, or a watch inside a watch.
    """

    active: "Watch | None" = None

    def __init__(  # noqa: PLR0913 - the options of one verb
        self,
        *,
        overhead: float = 0.01,
        every: int = 50,
        activations: bool = True,
        histograms: int = 0,
        nonfinite: bool | str = True,
        stop_on: Sequence[str] = (),
        on_alert: Alert | None = None,
        to: Sequence[Sink] = (),
        folder: str | Path | None = ".torchladder/runs",
        name: str | None = None,
        data: Sequence[str | Path] = (),
        quiet: bool = False,
    ) -> None:
        if not 0 < overhead <= 1:
            msg = f"overhead is a share of the time between 0 and 1, not {overhead!r}"
            raise UsageError(msg)
        if every < 1 or histograms < 0:
            msg = "every is at least 1 step and histograms at least 0"
            raise UsageError(msg)
        missing = [str(path) for path in data if not Path(path).exists()]
        if missing:
            msg = f"the data {missing[0]} does not exist"
            raise UsageError(msg)
        self.settings = Settings(
            overhead=overhead,
            every=every,
            activations=activations,
            histograms=histograms,
            nonfinite=bool(nonfinite),
            exact=nonfinite == "exact",
            stop_on=known_rules(stop_on),
        )
        self.on_alert, self.quiet, self.sinks = on_alert, quiet, tuple(to)
        self.base = Path(folder) if folder is not None else None
        self.name = name
        self.data = tuple(Path(path).absolute() for path in data)
        self.folder: Path | None = None
        self.findings: list[Finding] = []
        self.state = "ended"
        self.error: BaseException | None = None  # that ended the run
        self.before_leaving: Callable[[RunEnd], None] | None = None  # called when the record is written
        self.monitor: Monitor | None = None
        self._gathered = Gathered()
        self._stop: Stop | None = None
        self._began = 0.0
        self._rank = 0

    def _recreate_cm(self) -> "Watch":
        """Return a fresh watch for every call of a decorated function."""
        return Watch(
            overhead=self.settings.overhead,
            every=self.settings.every,
            activations=self.settings.activations,
            histograms=self.settings.histograms,
            nonfinite="exact" if self.settings.exact else self.settings.nonfinite,
            stop_on=self.settings.stop_on,
            on_alert=self.on_alert,
            to=self.sinks,
            folder=self.base,
            name=self.name,
            data=self.data,
            quiet=self.quiet,
        )

    def __enter__(self) -> "Watch":
        """Begin to look."""
        if Watch.active is not None:
            msg = "a watch is running already in this process"
            raise UsageError(msg)
        place.set_root(str(Path.cwd()))
        start = self._start()
        self._rank = start.rank
        prompt: list[Sink] = []
        if self.base is not None and not self._rank:  # of several processes the first keeps the record
            from torchladder.runs.folder import open_run

            self.folder, prompt = open_run(self.base, start, self._say)
        courier = Courier(prompt, () if self._rank else self.sinks)
        self.monitor = Monitor(self.settings, courier, self._alerted)
        self.monitor.ranks.heard = self._heard
        self._stop = Stop(self.monitor, self.settings.stop_on, self.folder)
        self._began = time.time()
        courier.start(start)
        if self.folder is not None:
            self._gather_layers()
        self.monitor.attach()
        Watch.active = self
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Stop looking, write the end of the record, and say what it cost."""
        Watch.active = None
        assert self.monitor is not None
        self.error = error
        if kind is not None and self.state == "ended":
            stopped = self._stop is not None and self._stop.raised
            self.state = "stopped" if stopped else "interrupted" if issubclass(kind, KeyboardInterrupt) else "crashed"
            if issubclass(kind, SystemExit) and not stopped:
                self.state = "ended" if error.code in {None, 0} else "crashed"
        if kind is not None and self.monitor.tracer is not None:
            with contextlib.suppress(Exception):
                self.monitor.tracer.crashed(trace)
        self.monitor.detach(well=self.state == "ended")
        try:
            self._finish()
        except Exception as defect:  # the training is over, and its result is the user's
            self._say(f"the end of the record was not written: {type(defect).__name__}: {defect}")
        with contextlib.suppress(Exception):  # other processes may be gone, and so may be their store
            self.monitor.ranks.close()

    def _finish(self) -> None:
        """Write the end of the record, and say what the run was."""
        assert self.monitor is not None
        if self.folder is not None:
            with contextlib.suppress(OSError):
                self.monitor.held_out.save(self.folder)
            self._note_process()
        self.findings[:] = [self._gathered.noted(f) for f in self.findings]
        end = RunEnd(
            state=self.state,
            steps=self.monitor.step,
            seconds=time.time() - self._began,
            cost=self.monitor.schedule.cost,
            verdict=sentence(self.monitor, self.findings),
            findings=tuple(self.findings),
        )
        self.monitor.courier.end(end)
        if not self.quiet:
            self._close(end)
        if self.before_leaving is not None and not self._rank:
            self.before_leaving(end)

    def _gather_layers(self) -> None:
        """Have code, configuration and environment written beside the record, by a process of their own."""
        from torchladder.runs.aside import gather_aside

        assert self.folder is not None
        try:
            gather_aside(self.folder, self.data)
        except Exception as error:  # the training is worth more than its record
            self._say(f"code and environment of this run are not recorded: {type(error).__name__}: {error}")

    def _note_process(self) -> None:
        """Write what only this process knows: torch's settings, the seed, a checksum of the last parameters."""
        from torchladder.monitor.last_parameters import last_parameters
        from torchladder.runs.aside import note_process

        assert self.monitor is not None
        assert self.folder is not None
        with contextlib.suppress(Exception):  # the rest of the record is worth more than this
            note_process(self.folder, last_parameters(self.monitor.models))

    @property
    def cost(self) -> float:
        """Share of the time so far that watching took."""
        return self.monitor.schedule.cost if self.monitor is not None else 0.0

    def table(self, *, step: int | None = None, phase: int = 0) -> "LayerTable":
        """Return the layers' figures at the sample nearest to ``step`` (the last one); print it."""
        from torchladder.report.layer_table import layer_table

        return layer_table(layers_of(self._history, phase), step=step)

    def picture(self, path: str | Path, *, phase: int = 0) -> Path:
        """Draw the flow of gradients over the depth and over the run into a file."""
        from torchladder.report.flow_picture import flow_picture

        return flow_picture(layers_of(self._history, phase), path)

    @property
    def _history(self) -> History:
        return self.monitor.history if self.monitor is not None else History()

    # --- what happens on the way --------------------------------------------------------------

    def _start(self) -> RunStart:
        now = time.time()
        rank, world = rank_and_world()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        script = Path(sys.argv[0] or "python").stem
        settings = dataclasses.asdict(self.settings)
        return RunStart(
            f"{stamp}-{os.getpid()}", self.name or script, tuple(sys.argv), str(Path.cwd()), now, rank, world, settings
        )

    def _alerted(self, step: int, finding: Finding) -> None:
        """Take in a verdict upon this process."""
        assert self.monitor is not None
        if self._gathered.own(step, finding):
            self._take(step, finding)
            self.monitor.ranks.tell(step, finding)

    def _heard(self, notices: Sequence[Notice]) -> None:
        """Take in what other processes told this one, the first."""
        assert self.monitor is not None
        post = self.monitor.ranks.post
        self._gathered.world = post.world if post is not None else 1
        for step, told in self._gathered.others(notices):
            self._take(step, self._gathered.noted(told))

    def _take(self, step: int, finding: Finding) -> None:
        """Say a verdict, once; and stop where the user asked for that."""
        assert self.monitor is not None
        self.findings.append(finding)
        self.monitor.courier.alert(step, finding)
        who = self._gathered.who(finding.code)
        if not self.quiet and finding.severity is not Severity.NOTE:
            where = f" ({finding.where[0]})" if finding.where else ""
            module = f" in `{finding.module}`" if finding.module else ""
            words = f"{finding.severity.value}[{finding.code}] {finding.name}: {finding.message}{module}{where}"
            self._say(f"step {step}: {words}{', ' * bool(who)}{who}")
            if finding.fixes:
                self._say(f"  help: {finding.fixes[0].title}")
        if self.on_alert is not None:
            try:
                self.on_alert(finding)
            except Exception as error:
                self.monitor.failures.setdefault("on_alert", f"{type(error).__name__}: {error}")
        if self._stop is not None:
            self._stop.consider(step, finding, who)

    def _say(self, words: str) -> None:
        if self._rank:
            return
        print(f"torchladder: {words}", file=sys.stderr, flush=True)  # noqa: T201 - a live alert is for the terminal

    def _close(self, end: RunEnd) -> None:
        assert self.monitor is not None
        self._say(end.verdict)
        more = set(self._gathered.grown())
        for finding in self.findings:
            if finding.code in more and finding.severity is not Severity.NOTE:
                self._say(f"{finding.code} {finding.name} was seen {self._gathered.who(finding.code)}")
        samples = self.monitor.schedule.samples
        record = f"; record: {self.folder}" if self.folder is not None else ""
        spent = self.monitor.schedule.spent
        cost = f"cost {spent:.2g} s, {100 * end.cost:.1f} % of the time"
        self._say(f"watched {end.steps:,} steps, {samples:,} of them closely; {cost}{record}")
        failures = self.monitor.failures | self.monitor.courier.failures
        for name, reason in failures.items():
            self._say(f"{name} not watched: {reason}")


def known_rules(words: Sequence[str]) -> tuple[str, ...]:
    """Return codes for codes or names.

    Raises:
        UsageError: If a word is neither.
    """
    from torchladder.rules.registry import find_rule

    codes = []
    for word in words:
        rule = find_rule(word)
        if rule is None:
            msg = f"no rule is called {word!r}; try: torchladder rules"
            raise UsageError(msg)
        codes.append(rule.code)
    return tuple(codes)
