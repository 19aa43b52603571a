"""The rule decorator and the list of all rules, found by walking this package.

A rule is one file: its module docstring is its page, its function its check, its plants and near
misses its tests. Nothing is registered by hand. Rules of others come from packages that are installed with an
entry point of the group ``torchladder.rules``.
"""

import dataclasses
import importlib
import importlib.metadata
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from torchladder.core.facts import OF_SETS, Facts
from torchladder.core.findings import Finding, Severity


class Family(StrEnum):
    """The subject of a rule; also the folder it lives in and the first digit of its code."""

    DATA = "data"
    MODEL = "model"
    LOSS = "loss"
    LOOP = "loop"
    OUTCOME = "outcome"
    DISTRIBUTED = "distributed"
    FEEDING = "feeding"


FAMILIES = {
    "1": Family.DATA, "2": Family.MODEL, "3": Family.LOSS, "4": Family.LOOP, "5": Family.LOOP, "6": Family.OUTCOME,
    "7": Family.DISTRIBUTED, "8": Family.OUTCOME, "9": Family.FEEDING,
}  # fmt: skip

GROUP = "torchladder.rules"  # of entry points

WATCHED = frozenset((Family.DISTRIBUTED, Family.FEEDING))  # judged while a program is watched; no climb sees them

DECLARED = re.compile(r"^@rule\(\s*\"(TL\d+)\",\s*rung=(\d),\s*severity=Severity\.(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Plant:
    """A passage of a healthy specimen and its replacement.

    Args:
        specimen: Name of a file in ``specimens/`` without ".py".
        healthy: A passage that occurs exactly once in it.
        sick: What replaces it. For a near miss: an innocent change that resembles the bug.
        crashes: Whether the planted program ends with an exception of its own.
        ranks: Processes it is run by; with more than one it is watched, not climbed.
    """

    specimen: str
    healthy: str
    sick: str
    crashes: bool = False
    ranks: int = 1


@dataclass(frozen=True, slots=True)
class NoLimits:
    """A rule without thresholds."""


def limit(default: float, *, unit: str, why: str) -> Any:
    """Return a dataclass field holding a threshold, its unit and the reason for its value."""
    return field(default=default, metadata={"unit": unit, "why": why})


Check = Callable[[Facts, Any], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One root cause: identity, needs, thresholds, examples and the check itself."""

    code: str
    name: str
    family: Family
    rung: int
    severity: Severity
    needs: tuple[str, ...]
    check: Check
    limits: type
    plants: tuple[Plant, ...]
    near_misses: tuple[Plant, ...]
    explains: tuple[str, ...]
    explanation: str
    since: str
    instead: tuple[str, ...] = ()

    def finding(self, message: str, *, severity: Severity | None = None, **parts: Any) -> Finding:
        """Return a finding of this rule; ``parts`` are further fields of Finding."""
        return Finding(self.code, self.name, severity or self.severity, parts.pop("rung", self.rung), message, **parts)

    @property
    def sufficient(self) -> tuple[tuple[str, ...], ...]:
        """Return sets of fields of Facts of which one must be there whole."""
        return (self.needs, self.instead) if self.instead else (self.needs,)

    @property
    def of_sets(self) -> bool:
        """Return whether only `torchladder data check` can feed this rule."""
        return all(OF_SETS & set(needs) for needs in self.sufficient)

    def judge(self, facts: Facts, limits: Any = None) -> list[Finding] | None:
        """Return this rule's findings, or None when a probe it needs did not look."""
        if not any(all(getattr(facts, need) is not None for need in needs) for needs in self.sufficient):
            return None
        return list(self.check(facts, limits or self.limits()))


def rule(  # noqa: PLR0913 - a rule is declared in one place
    code: str,
    *,
    rung: int,
    severity: Severity,
    needs: tuple[str, ...],
    plants: tuple[Plant, ...],
    near_misses: tuple[Plant, ...],
    limits: type = NoLimits,
    explains: tuple[str, ...] = (),
    since: str = "0.1.0",
    instead: tuple[str, ...] = (),
) -> Callable[[Check], Rule]:
    """Turn a check function into a Rule; its name and its page come from the function and its module.

    Args:
        code: Stable code such as "TL201"; those of other packages have letters of their own, as in "ACME201". The
            first digit is that of the family.
        rung: The rung at which it is judged.
        severity: Of its findings unless they say otherwise.
        needs: Names of the fields of Facts it reads.
        plants: Bugs it must find.
        near_misses: Innocent changes it must not flag.
        limits: Frozen dataclass of thresholds made by ``limit``.
        explains: Codes that are mere symptoms when this rule has fired (arbitration folds them).
        since: The first version that has it.
        instead: Fields of Facts that do as well, of data sets that no program has read.
    """

    def decorate(check: Check) -> Rule:
        module = importlib.import_module(check.__module__)
        return Rule(
            code=code,
            name=check.__name__.replace("_", "-"),
            family=FAMILIES[re.findall(r"[1-9]", code)[0]],
            rung=rung,
            severity=severity,
            needs=needs,
            check=check,
            limits=limits,
            plants=plants,
            near_misses=near_misses,
            explains=explains,
            explanation=module.__doc__ or "",
            since=since,
            instead=instead,
        )

    return decorate


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code."""
    found: dict[str, Rule] = {}
    for family in Family:
        package = importlib.import_module(f"torchladder.rules.{family.value}")
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            found |= {r.code: r for r in vars(module).values() if isinstance(r, Rule)}
    found |= {r.code: r for r in foreign().rules}
    return tuple(found[code] for code in sorted(found))


@dataclass(frozen=True)
class Foreign:
    """Rules of installed packages, and why some of them cannot be used."""

    rules: tuple[Rule, ...]
    failures: dict[str, str]


@cache
def foreign() -> Foreign:
    """Return the rules that entry points name: a module with rules, or a package of such modules."""
    rules: dict[str, Rule] = {}
    failures: dict[str, str] = {}
    own = {e.code for e in own_rules()}
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            module = point.load()
            inside = pkgutil.iter_modules(getattr(module, "__path__", ()), f"{module.__name__}.")
            modules = [module, *(importlib.import_module(info.name) for info in inside)]
        except Exception as error:  # a package of somebody else's must not end a climb
            failures[point.value] = f"{type(error).__name__}: {error}"
            continue
        for found in (r for m in modules for r in vars(m).values() if isinstance(r, Rule)):
            if found.code in own:
                failures[point.value] = f"{found.code} is a code of torchladder's own"
            else:
                rules[found.code] = found
    return Foreign(tuple(rules.values()), failures)


@dataclass(frozen=True)
class Entry:
    """A rule as its file declares it."""

    code: str
    name: str
    family: str
    rung: int
    severity: str
    summary: str


@cache
def listing() -> tuple[Entry, ...]:
    """Return every rule by code."""
    others = (
        Entry(r.code, r.name, r.family.value, r.rung, r.severity.value, r.explanation.strip().partition("\n")[0])
        for r in foreign().rules
    )
    return tuple(sorted((*own_rules(), *others), key=lambda e: e.code))


@cache
def own_rules() -> tuple[Entry, ...]:
    """Return torchladder's own rules, read from the files: a hundred imports take longer than a look is worth."""
    found = []
    for folder in sorted(p for p in Path(__file__).parent.iterdir() if p.is_dir()):
        for file in sorted(folder.glob("*.py")):
            text = file.read_text(encoding="utf-8")
            match = DECLARED.search(text)
            if match is not None:
                summary = text.partition('"""')[2].partition("\n")[0].strip()
                name = file.stem.replace("_", "-")
                found.append(Entry(match[1], name, folder.name, int(match[2]), match[3].lower(), summary))
    return tuple(found)


@cache
def index() -> dict[str, tuple[str, str]]:
    """Return code -> (family, module) of every rule of torchladder's own."""
    return {e.code: (e.family, e.name.replace("-", "_")) for e in sorted(own_rules(), key=lambda e: e.code)}


def find_rule(key: str) -> Rule | None:
    """Return the rule whose code or name is ``key`` (any case), or None; only its own file is imported."""
    wanted = key.strip().lower()
    for code, (family, stem) in index().items():
        if wanted in {code.lower(), stem.replace("_", "-")}:
            module = importlib.import_module(f"torchladder.rules.{family}.{stem}")
            return next((r for r in vars(module).values() if isinstance(r, Rule) and r.code == code), None)
    return next((r for r in foreign().rules if wanted in {r.code.lower(), r.name}), None)


def limits_of(rule_: Rule) -> list[tuple[str, float, str, str]]:
    """Return (name, default, unit, why) of each threshold of a rule."""
    fields = dataclasses.fields(rule_.limits)
    return [(f.name, float(typing.cast("float", f.default)), f.metadata["unit"], f.metadata["why"]) for f in fields]
