"""Monitors: is what is live still what it was, by drift and nightly parity."""
