"""The tests' own interpreter is their worker's too, also after `make worker`."""

import os

os.environ.pop("WM_PLANNER_WORKER_PYTHON", None)
