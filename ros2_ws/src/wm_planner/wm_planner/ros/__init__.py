"""The parts of the node that use ROS: parameters, cameras, goals, messages."""
