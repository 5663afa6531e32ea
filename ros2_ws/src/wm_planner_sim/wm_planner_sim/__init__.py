"""A simulated arm and camera for wm_planner, with training and demo (docs/architecture.md)."""
