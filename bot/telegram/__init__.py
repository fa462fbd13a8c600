"""Telegram: commands and alerts by chat, for the chats that are listed and nobody else."""
