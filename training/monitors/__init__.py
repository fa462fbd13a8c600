"""Is what is live still what it was: drift, nightly parity."""
