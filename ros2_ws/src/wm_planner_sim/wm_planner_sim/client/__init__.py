"""Start simulator and planner, and send them requests: for the demo and the tests."""
