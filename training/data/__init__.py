"""Training data: features, labels and borders in time."""
