"""The checks, one a file; ``wm_planner.diagnosis.registry`` lists them."""
