"""Trains the learned part of the prompt filter. The bot never imports this package; it reads the written files."""
