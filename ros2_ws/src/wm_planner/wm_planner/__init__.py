"""Plans with visual world models, and drives a robot arm with them (docs/architecture.md)."""
