"""The simulated world, its tasks, and the node that publishes it as Isaac Sim does."""
