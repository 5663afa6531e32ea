"""Episodes whose streams do not fit each other."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.diagnosis.episode import Episode, RecordingError


def test_streams_of_different_length_are_refused() -> None:
    with pytest.raises(RecordingError, match="9 frames of x for 9 model steps"):
        Episode("toy", np.zeros((9, 1, 3)), places={"x": np.zeros(9)})
