"""The parts of the node that speak ROS: parameters, camera, goals, messages."""
