"""What a figure is worth: significance, overfitting, everything that was tried."""
