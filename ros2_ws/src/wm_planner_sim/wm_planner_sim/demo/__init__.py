"""The demo: goals for the planner, a live view and a report."""
