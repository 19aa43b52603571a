"""The program under examination: runs it as experiments, within one budget of seconds."""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchladder.core.facts import Facts, InterrogationFact, NonFiniteFact, ProgramFact, TrialFact
from torchladder.core.findings import Change
from torchladder.core.jsonable import from_json, to_json
from torchladder.core.outcome_facts import OutcomeFact
from torchladder.ladder.pictures import Batch, load_batch
from torchladder.runner import edited as edited_files
from torchladder.runner.children import child_payloads
from torchladder.runner.folder import differences, snapshot
from torchladder.runner.forkserver import Run, run
from torchladder.runner.target import Target

ENTRY = "torchladder.experiments.entry"
FEW = 8  # samples of the batch that is tried when the program's own is too slow
BATCH_STEPS = 200  # what a healthy network needs at most to memorise one batch
OBSERVE_SHARE = 0.2  # of the budget goes to the first look
FREE_SECONDS = 6.0  # unhurried observation before training loaders are cut short
OBSERVE_SECONDS = 16.0  # and the end of it, for budgets that are not the limit
TRIAL_SECONDS = 40.0  # for one experiment on one batch, start of the program included
SMOKE_GRACE = 2.0  # seconds for the step in flight to end by itself
FULL_GRACE = 10.0  # seconds for the step in flight of a full run to end
# What experiments of their own gave: a second look at the program does not replace it.
EXPERIMENTS = ("nonfinite", "interrogations", "trials", "subsets", "lr_sweeps")
TRIAL_SHARE = 0.3  # of what is left of the budget


@dataclass
class Subject:
    """One program, its budget, and every fact found so far."""

    target: Target
    budget: float
    progress: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    facts: Facts = field(default_factory=Facts)
    changed_files: tuple[str, ...] = ()
    batch: Batch | None = None
    _before: dict[str, tuple[int, int]] = field(default_factory=dict)
    _scratch: tempfile.TemporaryDirectory[str] | None = None
    rows: dict[int, int] = field(default_factory=dict)  # phases whose batch was cut to so many samples
    keep: Callable[[str, bytes], None] | None = None  # takes files for the report's folder
    spent: dict[str, float] = field(default_factory=dict)  # seconds of single experiments
    predictions: bytes | None = None  # of the last held-out pass, as an .npz file
    last_state: str = "ended"  # how the program went in the last experiment
    whole: bool = False  # whether the program was followed to its own end
    _runs: int = 0
    _last_scratch: str = ""

    def __enter__(self) -> "Subject":
        """Note the working folder as it is, and make a scratch folder."""
        self._scratch = tempfile.TemporaryDirectory(prefix="torchladder-", ignore_cleanup_errors=True)
        self._before = snapshot(self.target.cwd)
        return self

    def __exit__(self, *exc: object) -> None:
        """Compare the working folder, and remove what the experiments wrote."""
        self.changed_files = differences(self._before, snapshot(self.target.cwd))
        if self._scratch is not None:
            self._scratch.cleanup()

    @property
    def left(self) -> float:
        """Seconds of the budget that remain."""
        return self.budget - (time.monotonic() - self.started)

    def run(self, entry: str, options: dict[str, Any], seconds: float, edited: Mapping[str, str] | None = None) -> Run:
        """Run one experiment in a process and a scratch folder of its own; ``edited``: other texts of some files."""
        assert self._scratch is not None
        self._runs += 1
        scratch = Path(self._scratch.name, str(self._runs))
        scratch.mkdir()
        self._last_scratch = str(scratch)
        edited_files.put(edited or {}, str(scratch), self.target.cwd)
        seen = run(self.target, f"{ENTRY}:{entry}", options, seconds=seconds, scratch=str(scratch))
        self.last_state = seen.program.state
        return seen

    def observe(self) -> Run:
        """Look at the program as it is, and keep what was seen."""
        stop = min(OBSERVE_SECONDS, OBSERVE_SHARE * self.budget)
        plan = {"free_seconds": min(FREE_SECONDS, stop / 2), "stop_seconds": stop}
        seen = self.run("observe", {"plan": plan, "batch": True}, max(2 * stop, 5.0))
        self.facts, payload = self._read(seen)
        program = program_of(self.facts)
        if payload.get("hurried") and program.state in {"crashed", "exited"}:
            program = dataclasses.replace(program, state="stopped", error=None)  # our haste, not its fault
            self.facts = dataclasses.replace(self.facts, program=program)
        self.batch = load_batch(payload.get("batch"))
        self._keep_end(payload)
        return seen

    def _read(self, seen: Run) -> tuple[Facts, dict[str, Any]]:
        """Return what an observed run gave: its facts, and the payload they came in."""
        payload = seen.payload or {}
        if not payload.get("backwards"):  # the program may train in processes of its own
            children = [p for p in child_payloads(self._last_scratch) if p.get("backwards")]
            payload = children[0] if children else payload
        facts: Facts = from_json(Facts, payload.get("facts") or {})
        program = dataclasses.replace(
            seen.program,
            backwards=payload.get("backwards", 0),
            optimizer_steps=payload.get("steps", 0),
            hurried_at=payload.get("hurried_at"),
        )
        return dataclasses.replace(facts, program=program), payload

    def _keep_end(self, payload: dict[str, Any]) -> None:
        """Keep how a run of the whole program ended: its outcome, and its last predictions."""
        program = program_of(self.facts)
        self.whole = program.state in {"ended", "exited"} and not payload.get("hurried")
        trained = [x.iters for x in self.facts.loaders or () if x.role == "train"]
        outcome = OutcomeFact(self.whole, program.optimizer_steps, max(trained, default=None), program.seconds)
        self.facts = dataclasses.replace(self.facts, outcome=outcome if not payload.get("hurried") else None)
        path = payload.get("predictions")
        if path is not None and Path(path).is_file():
            self.predictions = Path(path).read_bytes()

    def observed(self, entry: str, options: dict[str, Any], seconds: float) -> tuple[Facts, dict[str, Any]]:
        """Run an observing experiment aside; returns its facts and its payload."""
        return self._read(self.run(entry, options, seconds))

    def full(self, seconds: float) -> None:
        """Follow the program to its own end, or as far as ``seconds`` go; what was seen replaces the first look."""
        before = self.facts
        seen = self.run("observe", {"plan": {"stop_seconds": seconds, "light": True}}, seconds + FULL_GRACE)
        facts, payload = self._read(seen)
        if not facts.curves:
            self.fail("outcome", seen.failure or program_of(facts).state)
            return
        names = [f.name for f in dataclasses.fields(Facts)]
        mine = {n: getattr(before, n) for n in names if n in EXPERIMENTS or getattr(facts, n) is None}
        self.facts = dataclasses.replace(facts, **{**mine, "failures": {**facts.failures, **before.failures}})
        self._keep_end(payload)

    def same_batch(
        self, label: str, phase: int, changes: Sequence[Change] = (), edited: Mapping[str, str] | None = None
    ) -> TrialFact | None:
        """Train one phase on one batch; the trial is kept among the facts under ``label``.

        Args:
            label: What to call it.
            phase: Which phase.
            changes: Made in memory.
            edited: Files run in another text.

        Returns:
            The trial, or None when there was no time for it or the run itself failed.
        """
        seconds = min(TRIAL_SECONDS, max(self.left * TRIAL_SHARE, 6.0))
        if self.left < 2.0:  # noqa: PLR2004 - no program starts and trains in less
            return None
        options = {
            "phase": phase,
            "steps": BATCH_STEPS,
            "limit": 0.8 * seconds,
            "rows": self.rows.get(phase),
            "changes": [to_json(c) for c in changes],
            "plan": {"dense_steps": 2},
        }
        seen = self.run("same_batch", options, seconds, edited)
        payload = seen.payload or {}
        if not (payload.get("trial") or {}).get("steps"):  # the program may train in processes of its own
            children = [p for p in child_payloads(self._last_scratch) if (p.get("trial") or {}).get("steps")]
            payload = children[0] if children else payload
        if "trial" not in payload:
            why = seen.failure or (seen.program.error.message if seen.program.error else seen.program.state)
            self.fail(f"trial {label}", why.strip().splitlines()[-1] if why.strip() else "no result")
            return None
        trial: TrialFact = from_json(TrialFact, payload["trial"])
        reason = trial.reason
        if seen.program.state in {"crashed", "exited", "ended"} and trial.passed is None and trial.steps < BATCH_STEPS:
            reason = f"the program {seen.program.state} after {trial.steps} steps on one batch"
        trial = dataclasses.replace(trial, label=label, reason=reason, state=seen.program.state)
        answers: InterrogationFact = from_json(InterrogationFact, payload["interrogation"])
        asked = self.facts.interrogations or ()
        if label == "base":
            asked = (*asked, answers)
        self.facts = dataclasses.replace(self.facts, trials=(*(self.facts.trials or ()), trial), interrogations=asked)
        return trial

    def smaller_batch(self, phase: int) -> TrialFact | None:
        """Train a phase on ``FEW`` samples, where its own batch is too slow; the slow trial is forgotten."""
        kept = self.facts
        without = tuple(t for t in kept.trials or () if t.phase != phase)
        self.rows[phase] = FEW
        self.facts = dataclasses.replace(kept, trials=without, interrogations=None)
        trial = self.same_batch("base", phase)
        if trial is None or trial.passed is None:
            del self.rows[phase]
            self.facts = kept
        return trial

    def observe_with(
        self, changes: Sequence[Change], steps: int, edited: Mapping[str, str] | None = None
    ) -> Facts | None:
        """Look at the program's own first ``steps`` steps with changes applied, or some files in another text."""
        plan = {"dense_steps": 8, "max_steps": steps, "stop_seconds": min(20.0, max(self.left * TRIAL_SHARE, 4.0))}
        options = {"plan": plan, "changes": [to_json(c) for c in changes]}
        seen = self.run("observe", options, plan["stop_seconds"] + 5.0, edited)
        if not seen.payload or "facts" not in seen.payload:
            return None
        facts: Facts = from_json(Facts, seen.payload["facts"])
        return dataclasses.replace(facts, program=seen.program, nonfinite=())

    def smoke(self, seconds: float) -> Run:
        """Run the program with every pass over a loader cut to one batch, and keep what was seen."""
        seen = self.run("smoke", {"seconds": seconds, "plan": {}}, seconds + SMOKE_GRACE)
        payload = seen.payload or {}
        self.batch = load_batch(payload.get("batch"))
        facts = from_json(Facts, payload.get("facts") or {})
        program = dataclasses.replace(
            seen.program, backwards=payload.get("backwards", 0), optimizer_steps=payload.get("steps", 0)
        )
        self.facts = dataclasses.replace(facts, program=program)
        return seen

    def written(self) -> tuple[str, ...]:
        """Return the files that the last run wrote, as the program named them where they lie in its folder."""
        root = Path(self._last_scratch).resolve() / "overlay" / "files"
        found = sorted(f"/{p.relative_to(root)}" for p in root.rglob("*") if p.is_file())
        folder = f"{Path(self.target.cwd).resolve()}/"
        return tuple(name.removeprefix(folder) for name in found)

    def find_origin(self, phase: int, step: int) -> None:
        """Look for the operation that made the first non-finite value."""
        seen = self.run(
            "origin", {"phase": phase, "step": step, "plan": {}}, min(20.0, max(self.left * TRIAL_SHARE, 5.0))
        )
        found = (seen.payload or {}).get("nonfinite")
        rows = (from_json(NonFiniteFact, found),) if found else ()
        self.facts = dataclasses.replace(self.facts, nonfinite=rows)

    def fail(self, what: str, why: str) -> None:
        """Keep why something could not be looked at."""
        self.facts = dataclasses.replace(self.facts, failures={**self.facts.failures, what: why})


def program_of(facts: Facts) -> ProgramFact:
    """Return how the first run went."""
    return facts.program or ProgramFact("ended")
