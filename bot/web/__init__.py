"""The HTTP side of the daemon: health, metrics, status, predictions, commands, the page."""
