"""The studio over HTTP: the list of its addresses. What answers them is in actions.py and questions.py.

The caller's own rights hold: what is asked is published by its key, in its user's name.
"""

from __future__ import annotations

from typing import Final

from callboard.server import studioshapes as shapes
from callboard.server.actions import ActionsDoor
from callboard.server.operation import EVENT_STREAM, JSON, Operation, Outcome, Parameter
from callboard.server.questions import QuestionsDoor
from callboard.server.studiohouse import StudioHouse
from callboard.server.tracker import RIGHT

GROUP: Final = "Studio"

_SELECTION: Final = '"selection": [{"entityId": "eb16970c", "entityType": "task"}]'
_SECONDS: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": shapes.LONGEST_WAIT}
_TIMEOUT: Final = Parameter("timeout", "Seconds; left out: the setting's own deadline.", _SECONDS)


def studio_operations(house: StudioHouse) -> tuple[Operation, ...]:
    """Return the operations of the studio."""
    asking = QuestionsDoor(house)
    return (*_action_operations(ActionsDoor(house)), *_form_operations(asking), *_place_operations(asking))


def _action_operations(door: ActionsDoor) -> tuple[Operation, ...]:
    return (
        Operation(
            method="GET",
            path="/v1/user",
            answer=door.show_user,
            group=GROUP,
            outcomes=(Outcome(200, "You.", shapes.UserInfo),),
        ),
        Operation(
            method="POST",
            path="/v1/actions/discover",
            answer=door.discover_actions,
            group=GROUP,
            body={JSON: shapes.Discovering},
            outcomes=(
                Outcome(200, "The menu.", shapes.ActionMenu),
                Outcome(200, "What each listener offers, as it comes.", str, EVENT_STREAM),
            ),
            example=f"-d '{{{_SELECTION}}}'",
        ),
        Operation(
            method="POST",
            path="/v1/actions/launch",
            answer=door.launch_action,
            group=GROUP,
            body={JSON: shapes.Launching},
            outcomes=(
                Outcome(200, "What was replied.", shapes.LaunchReplies),
                Outcome(200, "Each reply as it comes.", str, EVENT_STREAM),
            ),
            example=f"""-d '{{"item": {{"actionIdentifier": "farm.submit"}}, {_SELECTION}}}'""",
        ),
    )


def _form_operations(door: QuestionsDoor) -> tuple[Operation, ...]:
    return (
        Operation(
            method="POST",
            path="/v1/enumerators",
            answer=door.list_entries,
            group=GROUP,
            body={JSON: shapes.Enumerating},
            outcomes=(Outcome(200, "The entries.", shapes.MenuEntries),),
            example=(
                """-d '{"attributeName": "render_pool", "recordData": """
                """{"entity": {"entityId": "eb16970c", "entityType": "task"}}}'"""
            ),
        ),
        Operation(
            method="POST",
            path="/v1/projects",
            answer=door.create_project,
            group=GROUP,
            rights=(RIGHT,),
            parameters=(_TIMEOUT,),
            body={JSON: shapes.NewProject},
            outcomes=(
                Outcome(201, "Created.", shapes.MadeProject),
                Outcome(404, "There is no tracker here."),
                Outcome(409, "There is a project of that name."),
                Outcome(422, "Refused; `errors` says why, by field."),
            ),
            example="""-d '{"name": "opera", "fullname": "The Opera"}'""",
        ),
    )


def _place_operations(door: QuestionsDoor) -> tuple[Operation, ...]:
    return (
        Operation(
            method="GET",
            path="/v1/components/{id}/path",
            answer=door.resolve_path,
            group=GROUP,
            parameters=(
                Parameter("id", "The component's id.", where="path", example="e2dc0524"),
                Parameter("location", "The location's name; left out: any.", example="london"),
                Parameter(
                    "platform",
                    "For which system the path is meant: Linux, Darwin or Windows; left out: this server's.",
                    example="Linux",
                ),
                _TIMEOUT,
            ),
            outcomes=(
                Outcome(200, "The path.", shapes.ComponentPath),
                Outcome(404, "Nobody who listens knows one."),
            ),
            example="-G -d location=london -d platform=Linux",
        ),
        Operation(
            method="POST",
            path="/v1/connect",
            answer=door.connect_user,
            group=GROUP,
            body={JSON: shapes.Connecting},
            outcomes=(Outcome(200, "Stored, and delivered to who listens.", shapes.Connected),),
            example=(
                """-d '{"action": "start", "plugin": "publish", """
                """"entity": {"entityId": "eb16970c", "entityType": "task"}}'"""
            ),
        ),
    )
