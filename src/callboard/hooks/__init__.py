"""The hooks room: commands that events run, safely, with an answer to "why did (not) it run?"."""
