"""The files room: what can be printed, where it lies, what is known of it, and what became of its prints."""
