"""May a candidate go live: retraining, leakage, the gate."""
