"""LeWorldModel: the networks and the rollouts of its models."""
