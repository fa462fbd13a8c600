"""From families to a bundle: scores out of fold, weights, frozen scales."""
