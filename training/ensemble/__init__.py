"""Ensemble: from families to a bundle, by scores out of fold, weights, frozen scales."""
