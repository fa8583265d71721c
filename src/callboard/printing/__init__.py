"""The print host: a real printer's life as events."""
