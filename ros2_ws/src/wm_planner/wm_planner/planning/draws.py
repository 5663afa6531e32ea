"""The random numbers that candidates are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


class Draws:
    """Standardized draws for whole plans: zero mean and unit variance in every dimension.

    All draws of a plan are made at once and shared by the problems of a batch. So a problem gets
    the same draws alone and in any batch, and a plan takes the same number of draws from the
    generator wherever it stops.

    ``gaussian``
        Independent normal draws.
    ``mirrored_orthogonal``
        Directions in pairs d, -d, mutually orthogonal in blocks of D, all of length sqrt(D): the
        mirrored orthogonal sampling of Wang, Emmerich and Bäck (2014, 2019) for evolution
        strategies, on the sphere. The design is made once; each plan rotates it at random. With N
        candidates in D dimensions an iteration covers min(N / 2, D) directions evenly, while
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
        means: Sequence[int] = (0,),
    ) -> None:
        """Make the design.

        Args:
            kind: ``gaussian`` or ``mirrored_orthogonal``.
            iterations: I.
            samples: N.
            dims: D.
            generator: Source of all draws; its device is where they are made.
            means: Iterations whose draw 0 is zero, which makes its candidate the mean.
        """
        self._shape = (iterations, samples, dims)
        self._generator, self._means = generator, list(means)
        self._design = (
            self._with_mean(self._orthogonal()) if kind == "mirrored_orthogonal" else None
        )

    def next(self, *, rotate: bool = True) -> tuple[Tensor, Tensor | None]:
        """Return the draws of one plan; with a design and ``rotate`` also a rotation.

        Returns:
            Draws (I, N, D), and None or the rotation (D, D) to apply to them: draws @ rotation.
            With a design the draws are the same memory each time.
        """
        if self._design is None:
            return self._with_mean(self._randn(*self._shape)), None
        if not rotate:
            return self._design, None
        dims = self._shape[2]
        return self._design, torch.linalg.qr(self._randn(dims, dims))[0]

    def _with_mean(self, draws: Tensor) -> Tensor:
        for iteration in self._means:  # an index of a list would wait for the device
            draws[iteration, 0] = 0.0
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
    """Apply the rotation of ``Draws.next`` to its draws."""
    return draws if rotation is None else draws @ rotation


def _orthonormal(gaussian: Tensor) -> Tensor:
    """Return random rotations or reflections (..., D, D), evenly distributed (Haar)."""
    q, r = torch.linalg.qr(gaussian)
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def color_factor(color: float, steps: int) -> Tensor:
    """Return the (steps, steps) factor F that gives draws z @ F a spectrum 1/f^color.

    Their variance stays 1 (iCEM: Pinneri et al. 2020). The autocorrelation is taken from the power
    spectrum over twice the steps, so that the ends of a plan are not correlated.
    """
    frequency = torch.fft.rfftfreq(2 * steps, dtype=torch.float64)
    frequency[0] = frequency[1] if steps > 1 else 1.0
    correlation = torch.fft.irfft(frequency.pow(-color).to(torch.complex128), n=2 * steps)[:steps]
    lag = (torch.arange(steps)[:, None] - torch.arange(steps)).abs()
    matrix = (correlation / correlation[0])[lag]
    jitter = 1e-9 * torch.eye(steps, dtype=torch.float64)
    return torch.linalg.cholesky(matrix + jitter).mT.float().contiguous()
