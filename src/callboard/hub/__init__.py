"""The hub: takes events in, stores them, and brings each to who asked for it."""
