"""How well a model reaches the goals of its task: with its planner alone, and over ROS."""
