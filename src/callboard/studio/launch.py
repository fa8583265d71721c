"""What an action is asked with: the selection, who asks, and at a launch the chosen item and the values.

    data of ftrack.action.discover -> Asked          data of ftrack.action.launch -> Launch

The selection is read where it is, at the top or under `context`. Source: facts 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from msgspec import Struct

from callboard.event import Event, caused_by
from callboard.expression import quote
from callboard.studio.outcomes import Said, interface_of

if TYPE_CHECKING:
    from callboard.studio.forms import Form, Question

V = TypeVar("V")

TYPED_CONTEXTS: Final = frozenset({"shot", "sequence", "folder", "episode", "milestone", "assetbuild"})
"""What is selected as `task`: the old names say Task for all of them."""
_TRIGGER: Final = "ftrack.action.trigger-user-interface"
_WEB: Final = "ftrack.client.web"


class User(Struct, frozen=True):
    """Who acts, as the event says it; `Asked.publisher` is who has proved it."""

    username: str = ""
    id: str = ""


class Selected(Struct, frozen=True):
    """One selected entity; `type` is the old name in its plain form (task, show, assetversion)."""

    type: str
    id: str
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """Somebody opened the menu on a selection."""

    selection: tuple[Selected, ...]
    user: User
    event: Event

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return what a discover event asks."""
        return cls(selection_of(event.data), user_of(event), event)

    @property
    def publisher(self) -> str:
        """The user whose key the event came with: `user` says who acts, and proves nothing."""
        return self.event.entry.publisher if self.event.entry is not None else ""


@dataclass(frozen=True)
class Launch(Asked, Generic[V]):
    """Somebody chose the action; `values` is the form that was filled in, or what came as `values`."""

    item: Mapping[str, Any]
    values: V

    def interface(self, said: Said | Form | type[Form] | Question) -> Event:
        """Return the event that shows something to who launched this, whenever it is published.

        `board.publish(launch.interface("Frame 12 of 96"))`: text, Done, Failed, a Widget, or one of the
        action's forms, which launches it again. Source: seed, "ftrack.action.trigger-user-interface".
        """
        who = ("user.id", self.user.id) if self.user.id else ("user.username", self.user.username)
        return Event(
            _TRIGGER,
            {"selection": [dict(one.raw) for one in self.selection], **self._shown(said)},
            {"trace": caused_by(self.event)},
            target=f"applicationId={_WEB} and {who[0]}={quote(who[1])}",
        )

    def _shown(self, said: Any) -> dict[str, Any]:
        from callboard.studio.forms import question_of

        question = question_of(self, said)
        return interface_of(said) if question is None else {**self.item, **question.reply(self, tagged=True)}


def launch_of(event: Event) -> Launch[Mapping[str, Any]]:
    """Return what a launch event says: the chosen item's keys, and the values of a form as they came."""
    data = event.data if isinstance(event.data, Mapping) else {}
    item = {key: value for key, value in data.items() if key not in ("selection", "context", "values")}
    values = data.get("values")
    given = values if isinstance(values, Mapping) else {}
    return Launch(selection_of(data), user_of(event), event, item, given)


def selection_of(data: Any) -> tuple[Selected, ...]:
    """Return the selected entities; what is none is left out."""
    known = data if isinstance(data, Mapping) else {}
    context = known.get("context")
    found = known.get("selection")
    if not isinstance(found, list):
        found = context.get("selection") if isinstance(context, Mapping) else None
    entities = found if isinstance(found, list) else []
    return tuple(_selected(one) for one in entities if isinstance(one, Mapping))


def user_of(event: Event) -> User:
    """Return who acts, as the source says it."""
    user = event.source.get("user")
    known = user if isinstance(user, Mapping) else {}
    username, id_ = known.get("username"), known.get("id")
    return User(username if isinstance(username, str) else "", id_ if isinstance(id_, str) else "")


def plain_type(name: str) -> str:
    """Return the name of a type as handlers compare it: lower case, no `_`. Source: facts 4.2."""
    plain = name.lower().replace("_", "")
    return "show" if plain == "project" else plain


def _selected(entity: Mapping[str, Any]) -> Selected:
    kind, id_ = entity.get("entityType"), entity.get("entityId")
    return Selected(
        plain_type(kind) if isinstance(kind, str) else "", id_ if isinstance(id_, str) else "", entity
    )
