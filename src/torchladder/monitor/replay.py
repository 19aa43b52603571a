"""Runs a tape again on the batch at hand: the program's models, its loss code, under the eye of a checker."""

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from torchladder.monitor.checker import Checker, flags
from torchladder.monitor.frames import Surroundings
from torchladder.monitor.tape import Entering, Entry, Ext, Out, Tape, mapped, symbols, tensors_of


class UnresolvedError(LookupError):
    """A value that the replay needs is not to be found any more."""


@dataclass(eq=False)
class Replayed:
    """A loss computed again, and the checker that saw how."""

    loss: torch.Tensor
    checker: Checker
    external: dict[int, torch.Tensor]


class Player:
    """One replay of a tape."""

    def __init__(self, tape: Tape, around: Surroundings, *, exact_draws: bool, other_numbers: bool) -> None:
        self.tape, self.around = tape, around
        self.exact_draws, self.other_numbers = exact_draws, other_numbers
        self.outs: dict[int, list[torch.Tensor]] = {}
        self.values: dict[int, Any] = {}
        self._found: dict[tuple[int, int], torch.Tensor | None] = {}

    def play(self) -> Replayed:
        """Compute the loss again; raises UnresolvedError, or whatever the program's code raises."""
        tape = self.tape
        checker = Checker(stop_at=sys._getframe())  # noqa: SLF001 - frames beyond this one are not the replay's
        for root in tape.roots:
            checker.prefix |= {id(m): name or type(root).__name__ for name, m in unwrapped(root).named_modules()}
            checker.weights |= {id(p): name for name, p in unwrapped(root).named_parameters()}
            checker.weights |= {id(b): name for name, b in unwrapped(root).named_buffers()}
        needed = self._needed(tape.loss)
        with checker:
            for number, entry in enumerate(tape.entries):
                if number in needed or (entry.random and self.exact_draws):
                    self._run(number, entry, checker)
        loss = self._value(tape.loss)
        if not isinstance(loss, torch.Tensor):
            raise UnresolvedError
        external = {k: v for k, v in self.values.items() if isinstance(v, torch.Tensor)}
        return Replayed(loss, checker, external)

    def _needed(self, start: Out | Ext) -> set[int]:
        """Return the entries that lead to ``start``, stopping at values that are found where the program keeps them."""
        needed: set[int] = set()
        stack: list[Any] = [start]
        while stack:
            symbol = stack.pop()
            if not isinstance(symbol, Out) or symbol.entry in needed or self._kept(symbol) is not None:
                continue
            needed.add(symbol.entry)
            entry = self.tape.entries[symbol.entry]
            stack += symbols((entry.args, entry.kwargs))
        return needed

    def _kept(self, symbol: Out) -> torch.Tensor | None:
        """Return a value outside the graph from where the program keeps it; one that is not finite is made again."""
        if symbol not in self._found:
            self._found[symbol] = None
            source = self.tape.entries[symbol.entry].sources.get(symbol.position)
            with contextlib.suppress(LookupError, AttributeError, TypeError):
                value = self.around.find(source) if source is not None else None
                if isinstance(value, torch.Tensor) and not any(flags(value)):
                    self._found[symbol] = value
        return self._found[symbol]

    def _run(self, number: int, entry: Entry, checker: Checker) -> None:
        args, kwargs = self._value(entry.args), self._value(entry.kwargs)
        if entry.mutates and isinstance(entry.args[0], Ext):
            args = (args[0].clone(), *args[1:])
        checker.place = entry.place
        call = unwrapped(entry.root) if entry.root is not None else entry.call
        on_cpu, cpu_type, on_cuda, cuda_type = entry.autocast
        with (
            torch.set_grad_enabled(entry.grad),
            torch.autocast("cpu", dtype=cpu_type, enabled=on_cpu),
            torch.autocast("cuda", dtype=cuda_type, enabled=True) if on_cuda else contextlib.nullcontext(),
        ):
            out = call(*args, **kwargs)
        self.outs[number] = [args[0]] if entry.mutates else tensors_of(out)

    def _value(self, symbol: Any) -> Any:
        """Return a structure with its symbols replaced by their values."""
        return mapped(symbol, self._one)

    def _one(self, symbol: Out | Ext) -> Any:
        if isinstance(symbol, Out):
            kept = self._kept(symbol)
            if kept is not None:
                return kept
            try:
                return self.outs[symbol.entry][symbol.position]
            except LookupError:
                raise UnresolvedError from None
        if symbol.number not in self.values:
            self.values[symbol.number] = self._external(self.tape.entering[symbol.number])
        return self.values[symbol.number]

    def _external(self, ext: Entering) -> Any:
        if self.tape.live:
            return ext.value
        if type(ext.value) is int:
            return self._number(ext) if self.other_numbers else ext.value
        if ext.source is not None:
            with contextlib.suppress(LookupError, AttributeError, TypeError):
                found = self.around.find(ext.source)
                if ext.value is None or type(found) is type(ext.value):
                    return found
        if ext.value is None:
            raise UnresolvedError
        return ext.value

    def _number(self, ext: Entering) -> int:
        """Return what a variable that held this whole number holds now, if one has changed."""
        for source in ext.numbers:
            with contextlib.suppress(LookupError):
                found = self.around.find(source)
                if type(found) is int and found != ext.value:
                    return found
        return int(ext.value)


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the model inside DistributedDataParallel, whose own forward pass would talk to the other processes."""
    if isinstance(module, nn.parallel.DistributedDataParallel):
        inner: nn.Module = module.module
        return inner
    return module
