"""Batch commands, one file each, imported when asked for (see `training/command_line.py`)."""
