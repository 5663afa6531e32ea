"""The benchmark of the planners; ``benchmarks/planner.py`` runs it."""
