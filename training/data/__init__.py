"""What may be learned from: features, labels and borders in time."""
