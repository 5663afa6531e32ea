"""The checks, one per file; ``wm_planner.camera_contract`` says how to add one."""
