"""The studio: actions, questions and file locations, asked and answered as events over any bus."""
