"""Numbers on their way between the host and a device."""

from __future__ import annotations

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; from the host to a GPU without waiting for it."""
    if device.type != "cuda" or values.is_cuda:
        return values.to(device)
    kept = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    return kept.copy_(values).to(device, non_blocking=True)


class Reading:
    """A copy of numbers (R, C) to the host that does not block; on the CPU it is done at once."""

    def __init__(self, values: Tensor) -> None:
        """Start the copy."""
        self._host = torch.empty(values.shape, dtype=values.dtype, pin_memory=values.is_cuda)
        self._host.copy_(values, non_blocking=True)
        self._arrived = torch.cuda.Event() if values.is_cuda else None
        if self._arrived is not None:
            self._arrived.record(torch.cuda.current_stream(values.device))

    def arrived(self) -> bool:
        """Return whether the copy is done, without waiting for it."""
        return self._arrived is None or self._arrived.query()

    def numbers(self) -> list[list[float]]:
        """Wait for the copy and return the numbers."""
        if self._arrived is not None:
            self._arrived.synchronize()
        numbers: list[list[float]] = self._host.tolist()
        return numbers
