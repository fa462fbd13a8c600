"""Predictors: verified bytes in, votes out."""
