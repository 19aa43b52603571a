"""Numbers on their way from the device: one vector a sample, copied without waiting for it.

On a GPU the copy goes to pinned memory and is read when an event says that it has arrived; on the CPU it is
read at once.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

Reader = Callable[[list[float]], None]
WAITING_MAX = 64  # vectors in flight; more means that the device is far behind, and the oldest is waited for


@dataclass
class Flight:
    """One vector in flight."""

    host: torch.Tensor
    event: Any
    read: Reader


class Transfer:
    """Sends vectors of scalars to the host and gives them to their readers, in order."""

    def __init__(self) -> None:
        self.flights: deque[Flight] = deque()

    def send(self, scalars: list[torch.Tensor], read: Reader) -> None:
        """Copy 0-dim tensors (of any float dtype, any devices) to the host in as few transfers as there are devices."""
        if not scalars:
            read([])
            return
        home = scalars[0].device
        alike = all(s.dtype == torch.float32 and s.device == home for s in scalars)
        if not alike:
            scalars = [s.to(device=home, dtype=torch.float32, non_blocking=True) for s in scalars]
        with torch.no_grad():
            self.carry(torch.stack(scalars), read)

    def carry(self, vector: torch.Tensor, read: Reader) -> None:
        """Copy a vector to the host."""
        if vector.device.type == "cpu":
            read(vector.tolist())
            return
        host = torch.empty(vector.shape, dtype=vector.dtype, pin_memory=vector.device.type == "cuda")
        host.copy_(vector, non_blocking=True)
        event: Any = getattr(torch, vector.device.type).Event()
        event.record()
        self.flights.append(Flight(host, event, read))
        if len(self.flights) > WAITING_MAX:
            self._land(self.flights.popleft())

    def poll(self) -> None:
        """Give out what has arrived; never waits."""
        while self.flights and self.flights[0].event.query():
            self._land(self.flights.popleft())

    def drain(self) -> None:
        """Wait for all that is in flight: the run is over."""
        while self.flights:
            self._land(self.flights.popleft())

    @staticmethod
    def _land(flight: Flight) -> None:
        flight.event.synchronize()
        flight.read(flight.host.tolist())
