"""The pipeline as its file declares it, with plain names and nothing imported from here.

``STAGES`` maps names to functions in the order they run. ``ITEMS`` (or a function ``items``) gives one mapping for each
item: its ``input``, and under the name of a stage what that stage should return. One of ``score(output, item)``,
``error(output, item)`` and ``metric(outputs, items)`` says how good the end of the pipeline is.
"""

import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchladder.core.errors import ProgramError, UsageError

INPUT, GROUP = "input", "group"
ENDS = ("score", "error", "metric")
FORM = "STAGES = {'name': function, ...}, ITEMS = [{'input': ..., 'name': what is right}, ...] and score(output, item)"
SAID = 300  # characters of somebody else's message that are repeated
NAMELESS = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the pipeline.

    Attributes:
        takes: For each argument the parameter's name (None: by position) and whose result it gets.
    """

    name: str
    call: Callable[..., Any]
    takes: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the file declares.

    Attributes:
        end: The name of the function that says how good the end is.
        judge: That function.
        falls: Whether less of it is better.
    """

    stages: tuple[Stage, ...]
    items: tuple[Mapping[str, Any], ...]
    end: str
    judge: Callable[..., Any]
    falls: bool = False

    @property
    def each(self) -> bool:
        """Whether every item is judged by itself."""
        return self.end != "metric"

    def truths(self, stage: int) -> int:
        """Return for how many items it is known what a stage should return."""
        name = self.stages[stage].name
        return sum(item.get(name) is not None for item in self.items)


def read(path: Path) -> Pipeline:
    """Return the pipeline that a file declares.

    Raises:
        UsageError: If there is no such file, or it declares no pipeline; the sentence says what is missing.
        ProgramError: If the file itself fails.
    """
    if not path.is_file():
        msg = f"there is no file {path}"
        raise UsageError(msg)
    if path.suffix != ".py":
        msg = f"{path} is not a Python file; ceiling reads one that declares a pipeline: {FORM}"
        raise UsageError(msg)
    names = _imported(path)
    stages = _stages(names.get("STAGES"), path)
    return Pipeline(stages, _items(names, stages, path), *_end(names, path))


def _imported(path: Path) -> dict[str, Any]:
    """Run the file as an import would, with its folder first on the path, as long as the analysis lasts."""
    made = importlib.util.spec_from_file_location(path.stem, path)
    assert made is not None
    assert made.loader is not None
    module = importlib.util.module_from_spec(made)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[path.stem] = module  # what it defines can be pickled, for worker processes of its own
    with users(str(path)):
        made.loader.exec_module(module)
    return vars(module)


@contextlib.contextmanager
def users(what: str) -> Iterator[None]:
    """Say which part of the user's file failed, and where.

    Raises:
        ProgramError: In place of anything that is raised inside.
    """
    try:
        yield
    except (ProgramError, UsageError, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:
        ours = Path(__file__).parents[1]
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not Path(f.filename).is_relative_to(ours)]
        own = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith("<")]
        at = f" at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
        said = " ".join(str(error).split())[:SAID]
        msg = f"{what} failed{at}: {type(error).__name__}{f': {said}' if said else ''}"
        raise ProgramError(msg) from error


def _stages(found: Any, path: Path) -> tuple[Stage, ...]:
    if not isinstance(found, Mapping) or not found:
        msg = f"{path} declares no pipeline; it needs {FORM}"
        raise UsageError(msg)
    made: list[Stage] = []
    for name, call in found.items():
        if not isinstance(name, str) or name in {INPUT, GROUP}:
            msg = f"{name!r} cannot be the name of a stage in STAGES of {path}; choose another word"
            raise UsageError(msg)
        if not callable(call):
            msg = f"stage {name} of {path} is a {type(call).__name__}, not a function"
            raise UsageError(msg)
        made.append(Stage(name, call, _takes(name, call, [s.name for s in made])))
    return tuple(made)


def _takes(name: str, call: Callable[..., Any], earlier: list[str]) -> tuple[tuple[str | None, str], ...]:
    """Return where each argument of a stage comes from: by its name, and the first one else from the stage before."""
    known = {INPUT, *earlier}
    before = earlier[-1] if earlier else INPUT
    try:
        parameters = [p for p in inspect.signature(call).parameters.values() if p.kind not in NAMELESS]
    except (TypeError, ValueError):  # written in C
        return ((None, before),)
    found: list[tuple[str | None, str]] = []
    for i, p in enumerate(parameters):
        named = None if p.kind is inspect.Parameter.POSITIONAL_ONLY else p.name
        if p.name in known:
            found.append((named, p.name))
        elif i == 0:
            found.append((named, before))
        elif p.default is inspect.Parameter.empty:
            msg = (
                f"stage {name} takes {p.name!r}, which is neither 'input' nor a stage before it "
                f"({', '.join(earlier) or 'there is none'}); give it a default, or a name of these"
            )
            raise UsageError(msg)
    return tuple(found) or ((None, before),)


def _items(names: Mapping[str, Any], stages: tuple[Stage, ...], path: Path) -> tuple[Mapping[str, Any], ...]:
    found = names.get("ITEMS", names.get("items"))
    if callable(found):
        with users(f"items() of {path}"):
            found = found()
            found = list(found) if isinstance(found, Iterable) else found
    if not isinstance(found, Iterable) or isinstance(found, Mapping | str):
        msg = f"{path} has no items; it needs ITEMS or a function items, a mapping for each item"
        raise UsageError(msg)
    with users(f"ITEMS of {path}"):
        items = tuple(found)
    for i, item in enumerate(items):
        if not isinstance(item, Mapping) or INPUT not in item:
            msg = (
                f"item {i} of {path} is no mapping with an 'input'; an item is {{'input': ..., 'stage': what is right}}"
            )
            raise UsageError(msg)
    if len(items) < 2:  # noqa: PLR2004 - an interval over items needs two
        msg = f"{path} gives {len(items)} item{'' if len(items) == 1 else 's'}; a ranking of stages needs many"
        raise UsageError(msg)
    if not any(item.get(s.name) is not None for item in items for s in stages):
        keys = ", ".join(str(k) for k in items[0] if k not in {INPUT, GROUP})
        msg = (
            f"no item of {path} says what a stage should return: the stages are {', '.join(s.name for s in stages)}, "
            f"the items have {keys or 'only their input'}"
        )
        raise UsageError(msg)
    return items


def _end(names: Mapping[str, Any], path: Path) -> tuple[str, Callable[..., Any], bool]:
    found = [name for name in ENDS if callable(names.get(name))]
    if len(found) != 1:
        has = f"has {' and '.join(found)}" if found else "says nowhere how good a result is"
        msg = f"{path} {has}; it needs one of score(output, item), error(output, item), metric(outputs, items)"
        raise UsageError(msg)
    return found[0], names[found[0]], found[0] == "error" or names.get("LOWER_IS_BETTER") is True
