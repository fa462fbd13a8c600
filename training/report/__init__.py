"""HTML reports: one file each, below a megabyte, no network, light and dark."""
