"""The prompt that a printer shows and that its host may answer (`//action:prompt_...`).

Source: facts/print-host-facts.md 3.8 (Prompt family).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MOST: Final = 16
"""How many choices a prompt may have."""

LONGEST: Final = 256
"""How many characters of a text are kept."""


class Prompt:
    """What the printer asks, and the choices it gives."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget it: it was answered, or withdrawn."""
        self._text = ""
        self._choices: list[str] = []
        self._shown = False

    def action(self, name: str, params: str) -> bool:
        """Take an action of the prompt family; False for any other."""
        text = params.strip()[:LONGEST]
        if name == "prompt_begin":
            self.forget()
            self._text = text
        elif name in {"prompt_choice", "prompt_button"}:
            self._choices = [*self._choices, text][:MOST]
        elif name == "prompt_show":
            self._shown = True
        elif name == "prompt_end":
            self.forget()
        else:
            return name.startswith("prompt_")
        return True

    def has(self, choice: int) -> bool:
        """Return whether it has a choice with this number."""
        return self._shown and 0 <= choice < max(len(self._choices), 1)

    def status(self) -> Mapping[str, Any] | None:
        """Return {text, choices} while it is shown."""
        return {"text": self._text, "choices": list(self._choices)} if self._shown else None
