"""Plans with visual world models and drives a robot arm (docs/explanation/architecture.md)."""
