"""Promotion: whether a candidate may go live, by retraining, leakage tests and the gate."""
