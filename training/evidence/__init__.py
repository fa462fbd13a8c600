"""Evidence: what a figure is worth, by significance, overfitting, everything that was tried."""
