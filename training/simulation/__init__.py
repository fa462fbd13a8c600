"""The whole self-training routine over history."""
