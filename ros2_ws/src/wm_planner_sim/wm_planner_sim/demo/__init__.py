"""The demo: goals for the planner, and a report."""
