"""Act right after a module is imported, without importing it."""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Action = Callable[[ModuleType], None]


def on_import(name: str, action: Action) -> None:
    """Call ``action`` with the module ``name`` now if it is loaded, else once it has been."""
    module = sys.modules.get(name)
    if module is not None:
        action(module)
        return
    finder = next((f for f in sys.meta_path if isinstance(f, _Finder)), None)
    if finder is None:
        finder = _Finder()
        sys.meta_path.insert(0, finder)
    finder.actions.setdefault(name, []).append(action)


class _Finder(MetaPathFinder):
    """Lets the other finders work and wraps the loader of the modules waited for."""

    def __init__(self) -> None:
        self.actions: dict[str, list[Action]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders give, with a loader that tells us."""
        actions = self.actions.pop(fullname, None)
        if actions is None:
            return None
        spec = self._from_others(fullname, path, target)
        if spec is None or spec.loader is None:
            self.actions[fullname] = actions
        else:
            spec.loader = _Loader(spec.loader, actions)
        return spec

    def _from_others(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec: ModuleSpec | None = find(fullname, path, target)
                if spec is not None:
                    return spec
        return None


class _Loader(Loader):
    """Loads as the real loader does, puts that back where the module shows it, and acts."""

    def __init__(self, real: Loader, actions: list[Action]) -> None:
        self._real = real
        self._actions = actions

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what the real loader creates."""
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then the actions."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        module.__loader__ = self._real
        self._real.exec_module(module)
        for action in self._actions:
            action(module)
