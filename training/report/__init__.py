"""HTML reports: one file each, plotly.js inside, no network, light and dark."""
