"""A bundle over history through the kernel, and its scorecard."""
