"""Conventions of rotations in a model's numbers, and how an action turns the hand."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.numbers import check
from wm_planner.text import listed, quoted

LEAST_LENGTH = 1e-3
"""Length of a quaternion, or of a column of a matrix, below which it names no rotation."""
UNIT_TOLERANCE = 0.01
"""Difference of the length of a quaternion from 1 that is rounding."""
FRAMES = ("base", "tool")
_EULER = re.compile("euler_(extrinsic|intrinsic)_([xyz])(?!\\2)([xyz])(?!\\3)([xyz])")
_COUNTS = {
    "rotation_vector": 3,
    "quaternion_xyzw": 4,
    "quaternion_wxyz": 4,
    "rotation_6d_columns": 6,
    "rotation_6d_rows": 6,
}
CONVENTIONS = (*_COUNTS, "euler_extrinsic_<axes>", "euler_intrinsic_<axes>")


@dataclass(frozen=True)
class RotationForm:
    """A rotation as numbers.

    ``rotation_vector``: axis times angle [rad]. ``quaternion_xyzw`` and ``quaternion_wxyz``: a
    quaternion, of any length but zero. ``rotation_6d_columns`` and ``rotation_6d_rows``: the first
    two columns or rows of the rotation matrix (Zhou et al., "On the Continuity of Rotation
    Representations in Neural Networks", 2019), made orthogonal by Gram-Schmidt.
    ``euler_extrinsic_`` and ``euler_intrinsic_`` with three axes, e.g. ``euler_extrinsic_xyz``:
    turns about the fixed axes, or about those of the turned frame, in this order [rad]; SciPy's
    lower-case and upper-case sequences.

    Attributes:
        name: One of the above.
    """

    name: str

    @property
    def known(self) -> bool:
        """Whether there is such a convention."""
        return self.name in _COUNTS or _EULER.fullmatch(self.name) is not None

    @property
    def count(self) -> int:
        """Numbers of a rotation."""
        return _COUNTS.get(self.name, 3)

    @property
    def unit(self) -> str:
        """Unit of the numbers: rad, or 1."""
        return "rad" if self.count == 3 else "1"

    def read(self, numbers: NDArray[np.float64]) -> Rotation:
        """Return rotations from numbers (..., count).

        Raises:
            ValueError: A quaternion or a column of a matrix is too short to name a rotation.
        """
        if self.count == 3:
            sequence = self._sequence
            if sequence:
                return Rotation.from_euler(sequence, numbers)
            return Rotation.from_rotvec(numbers)
        if self.count == 4:
            _check_length(numbers, "its quaternion")
            return Rotation.from_quat(
                numbers if self.name == "quaternion_xyzw" else np.roll(numbers, -1, axis=-1)
            )
        first, second = numbers[..., :3], numbers[..., 3:]
        _check_length(first, "the first part of its 6D rotation")
        first = first / np.linalg.norm(first, axis=-1, keepdims=True)
        second = second - (first * second).sum(axis=-1, keepdims=True) * first
        _check_length(second, "the second part of its 6D rotation, without the first,")
        second = second / np.linalg.norm(second, axis=-1, keepdims=True)
        axis = -1 if self.name == "rotation_6d_columns" else -2
        return Rotation.from_matrix(np.stack([first, second, np.cross(first, second)], axis=axis))

    def write(self, rotation: Rotation) -> NDArray[np.float64]:
        """Return the numbers (..., count) of rotations, Euler angles in SciPy's ranges."""
        if self.count == 3:
            sequence = self._sequence
            numbers = rotation.as_euler(sequence) if sequence else rotation.as_rotvec()
        elif self.count == 4:
            numbers = rotation.as_quat()
            numbers = numbers if self.name == "quaternion_xyzw" else np.roll(numbers, 1, axis=-1)
        else:
            matrix = rotation.as_matrix()
            if self.name == "rotation_6d_columns":
                matrix = np.swapaxes(matrix, -1, -2)
            numbers = matrix[..., :2, :].reshape(*matrix.shape[:-2], 6)
        return np.asarray(numbers, dtype=np.float64)

    def nearest(
        self, numbers: NDArray[np.float64], usual: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the same rotations (..., count), written as near as possible to usual numbers.

        The sign of a quaternion, turns of 360 degrees, and which of two triples of Euler angles
        stands for a rotation, are a matter of writing.
        """
        if self.count == 4:
            return np.where((numbers @ usual < 0)[..., None], -numbers, numbers)
        if self.count == 6:
            return numbers
        if sequence := self._sequence:
            half = 0.0 if sequence[0] == sequence[2] else np.pi
            other = np.array([np.pi, half, np.pi]) + numbers * [1, -1, 1]
            whole = 2 * np.pi
            numbers, other = (n - whole * np.round((n - usual) / whole) for n in (numbers, other))
        else:
            angle = np.linalg.norm(numbers, axis=-1, keepdims=True)
            other = numbers * (1 - 2 * np.pi / np.maximum(angle, 1e-9))
        away, other_away = (np.linalg.norm(n - usual, axis=-1) for n in (numbers, other))
        return np.where((other_away < away)[..., None], other, numbers)

    @property
    def _sequence(self) -> str:
        """SciPy's name of the Euler angles, or an empty string."""
        if not (found := _EULER.fullmatch(self.name)):
            return ""
        axes = "".join(found.groups()[1:])
        return axes if found[1] == "extrinsic" else axes.upper()


def orientation(quaternion: ArrayLike) -> Rotation:
    """Return the orientation of a quaternion (x, y, z, w) that was measured or set.

    Raises:
        ValueError: Its length is not 1, within ``UNIT_TOLERANCE``.
    """
    numbers = np.asarray(quaternion, dtype=np.float64)
    length = float(np.linalg.norm(numbers))
    if not abs(length - 1) <= UNIT_TOLERANCE:  # NaN is not, either
        raise ValueError(f"the quaternion {numbers.tolist()} has a length of {length:.3f}, not 1")
    return Rotation.from_quat(numbers)


def _check_length(numbers: NDArray[np.float64], what: str) -> None:
    shortest = float(np.linalg.norm(numbers, axis=-1).min())
    if not shortest >= LEAST_LENGTH:
        raise ValueError(f"{what} has a length of {shortest:.2g}, so it names no rotation")


def check_form(names: list[str], convention: str, where: str) -> None:
    """Check that a section names a known convention and as many numbers.

    Raises:
        SpecError: It does not; ``where`` is the section.
    """
    form = RotationForm(convention)
    if not form.known:
        raise SpecError(
            f"{where}.convention must be one of {listed(CONVENTIONS, 9)}, where <axes> are three "
            f"of x, y, z, not {quoted(convention)}"
        )
    if len(names) != form.count:
        raise SpecError(
            f"{where}.names needs the names of {form.count} numbers for {convention}, not "
            f"{len(names)}"
        )


@dataclass
class RotationMapping:
    """How numbers of one action turn the hand.

    Attributes:
        names: Names of the action's numbers, in the order of the convention.
        convention: How the numbers are a rotation: a name among the ``RotationForm``.
        mode: ``relative``: a turn from the commanded orientation; ``absolute``: the orientation in
            the frame of the action; ``velocity``: an angular velocity as a rotation vector; empty:
            as the mode of the position.
        frame: Whose axes a turn or an angular velocity is about: ``base``, the frame of the action
            (the turn multiplies the orientation from the left), or ``tool``, the hand (from the
            right).
    """

    names: list[str]
    convention: str
    mode: str = ""
    frame: str = "base"

    def __post_init__(self) -> None:
        where = "action.command.rotation"
        check(self, where)
        check_form(self.names, self.convention, where)
        if self.mode not in ("", "relative", "absolute", "velocity"):
            raise SpecError(
                f"{where}.mode must be relative, absolute or velocity, or empty, not "
                f"{quoted(self.mode)}"
            )
        if self.frame not in FRAMES:
            raise SpecError(f"{where}.frame must be base or tool, not {quoted(self.frame)}")

    @property
    def form(self) -> RotationForm:
        """The convention."""
        return RotationForm(self.convention)

    def check_mode(self, mode: str) -> None:
        """Check that mode, convention and frame fit, where the position has a mode."""
        mode = self.mode or mode
        where = "action.command.rotation"
        if mode == "velocity" and self.convention != "rotation_vector":
            raise SpecError(
                f"{where}.convention must be rotation_vector in mode velocity: the rates of "
                f"{self.convention} are no angular velocity"
            )
        if mode == "absolute" and self.frame != "base":
            raise SpecError(
                f"{where}.frame must be base in mode absolute: the orientation is that of the "
                "hand in the frame of the action"
            )

    def unit(self, mode: str) -> str:
        """Return the unit that the numbers must have where the position has a mode."""
        return "rad/s" if (self.mode or mode) == "velocity" else self.form.unit


@dataclass
class ProprioRotation:
    """Which numbers of the proprio are the orientation of the hand in the frame of the action.

    Attributes:
        names: Names of the numbers, in the order of the convention.
        convention: How the numbers are a rotation: a name among the ``RotationForm``.
    """

    names: list[str]
    convention: str

    def __post_init__(self) -> None:
        check(self, "proprio.rotation")
        check_form(self.names, self.convention, "proprio.rotation")

    @property
    def form(self) -> RotationForm:
        """The convention."""
        return RotationForm(self.convention)
