"""Largest sizes of what comes from outside, checked before it is copied, logged or published.

docs/explanation/faults.md has the table. Sizes of images are in ``images/planes.py``, ranges of
numbers in ``config/`` and ``models/spec/``.
"""

from __future__ import annotations

MAX_NAME = 256
"""Length of a name: a goal, a preset, a frame, a name in ``model.yaml`` [characters]."""

MAX_TEXT = 4096
"""Length of any other text: a path, a parameter [characters]."""

MAX_LIST = 1000
"""Entries of a list: a parameter, joints of a message, numbers of a proprio, stored goals."""

MAX_PARAMETERS = 200
"""Parameters in a call, and entries of any list in it; each takes a millisecond or more."""

MAX_VIEWS = 16
"""Images, compressed images or masks of one goal; each may have 50 million pixels."""

MAX_SUB_GOALS = 16
"""Sub-goals of a goal."""

MAX_TIMEOUT = 3600.0
"""Largest timeout of a goal [s]."""
