"""The random numbers that candidates are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor

KINDS = ("gaussian", "mirrored_orthogonal")


class Draws:
    """Standardized draws for whole plans: zero mean and unit variance in every dimension.

    All draws of a plan are made at once and shared by the problems of a batch: a problem gets the
    same draws alone and in any batch, and a plan takes the same draws from the generator wherever
    it stops.

    ``gaussian``
        Independent normal draws.
    ``mirrored_orthogonal``
        Directions in pairs d, -d, mutually orthogonal in blocks of D, all of length sqrt(D): the
        mirrored orthogonal sampling of Wang, Emmerich and Bäck (2014, 2019) for evolution
        strategies, on the sphere. The design is made once, each plan turns it by a random rotation.
        With N candidates in D dimensions an iteration covers min(N / 2, D) directions evenly where
        independent draws leave some out.
    """

    def __init__(
        self,
        kind: str,
        *,
        iterations: int,
        samples: int,
        dims: int,
        generator: torch.Generator,
    ) -> None:
        """Make the design.

        Args:
            kind: One of ``KINDS``.
            iterations: I.
            samples: N.
            dims: D.
            generator: Source of all draws; its device is where they are made.
        """
        self._shape = (iterations, samples, dims)
        self._generator = generator
        self._design = self._padded(self._orthogonal()) if kind == "mirrored_orthogonal" else None

    def next(self) -> tuple[Tensor, Tensor | None]:
        """The draws of one plan.

        Returns:
            Draws (I, N + 1, D), the same memory each time where there is a design, and the rotation
            (D, D) that they still need (draws @ rotation), or None. Row N is zero, for who needs a
            row that stands for nothing; so is row 0 of the first iteration, which makes the mean
            the first candidate.
        """
        if self._design is None:
            return self._padded(self._randn(*self._shape)), None
        dims = self._shape[2]
        return self._design, torch.linalg.qr(self._randn(dims, dims))[0]

    @staticmethod
    def _padded(draws: Tensor) -> Tensor:
        draws = torch.nn.functional.pad(draws, (0, 0, 0, 1))
        draws[0, 0] = 0.0
        return draws

    def _orthogonal(self) -> Tensor:
        iterations, samples, dims = self._shape
        half = (samples + 1) // 2
        blocks = -(-half // dims)
        directions = _orthonormal(self._randn(iterations, blocks, dims, dims))
        directions = directions.flatten(1, 2)[:, :half] * math.sqrt(dims)
        return torch.cat([directions, -directions], dim=1)[:, :samples].contiguous()

    def _randn(self, *shape: int) -> Tensor:
        generator = self._generator
        return torch.randn(*shape, generator=generator, device=generator.device)


def rotated(draws: Tensor, rotation: Tensor | None) -> Tensor:
    """What ``Draws.next`` gives, the rotation applied."""
    return draws if rotation is None else draws @ rotation


def _orthonormal(gaussian: Tensor) -> Tensor:
    """Random rotations or reflections (..., D, D), evenly distributed (Haar)."""
    q, r = torch.linalg.qr(gaussian)
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def color_factor(color: float, steps: int) -> Tensor:
    """(steps, steps) factor F whose draws z @ F have unit variance and a spectrum 1/f^color.

    The autocorrelation comes from the power spectrum over twice the steps, so that the ends of a
    plan are not tied together.
    """
    frequency = torch.fft.rfftfreq(2 * steps, dtype=torch.float64)
    frequency[0] = frequency[1] if steps > 1 else 1.0
    correlation = torch.fft.irfft(frequency.pow(-color).to(torch.complex128), n=2 * steps)[:steps]
    lag = (torch.arange(steps)[:, None] - torch.arange(steps)).abs()
    matrix = (correlation / correlation[0])[lag]
    jitter = 1e-9 * torch.eye(steps, dtype=torch.float64)
    return torch.linalg.cholesky(matrix + jitter).mT.float().contiguous()
