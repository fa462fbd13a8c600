"""Typed values that people see and that need no daemon to be made: views are built from them."""
