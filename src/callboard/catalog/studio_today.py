"""Studio topics that today's clients send and that the seed does not have.

Local ones never reach a hub: a client publishes them to its own handlers.
"""
# ruff: noqa: N815 - keys are named as they are on the wire

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from callboard.catalog.payload import STUDIO_TODAY, Anything, Payload, Topic, today


class PublishComponents(Payload, frozen=True, kw_only=True):
    """Components to publish."""

    components_config: Annotated[str, today("The path of the file that lists them.")]


class PublishOutcome(Payload, frozen=True, kw_only=True):
    """What came of publishing."""

    success: Annotated[bool, today("Whether it worked.")]
    error_result: Annotated[dict[str, Any], today("The exception and its text.")] | UnsetType = UNSET


class MakeWebPlayable(Payload, frozen=True, kw_only=True):
    """A film to convert."""

    versionId: Annotated[str, today("The asset version it belongs to.")]
    path: Annotated[str, today("The film's path.")]


class Scenario(Payload, frozen=True, kw_only=True):
    """A way to set up storage."""

    id: Annotated[str, today("The scenario's id.")]
    name: Annotated[str, today("What people see.")]
    description: Annotated[str, today("A line of explanation.")]


class Configuration(Payload, frozen=True, kw_only=True):
    """The next form of a set-up."""

    items: Annotated[list[Any], today("The fields of the form.")]
    state: Annotated[Any, today("What comes back with the next answer.")]


_TOOL = "the tracker's web page, for one user"


def _local(name: str, description: str) -> Topic:
    return Topic(
        name=name,
        description=description,
        source=STUDIO_TODAY,
        published_by="a client, to itself",
        payload=Anything,
        free=True,
        local=True,
    )


TOPICS = (
    Topic(
        name="ftrack.connect.discover",
        description="The page asks which of the user's desktop helpers are running; each replies true.",
        source=STUDIO_TODAY,
        published_by=_TOOL,
        payload=Anything,
        free=True,
        reply=bool,
        reply_example=True,
    ),
    Topic(
        name="ftrack.connect.publish-components",
        description="Components that a file lists shall be published.",
        source=STUDIO_TODAY,
        published_by="integrations",
        payload=PublishComponents,
        example={"components_config": "/mnt/shows/opera/components.json"},
        reply=PublishOutcome,
        reply_example={"success": True},
    ),
    Topic(
        name="ftrack.connect.publish.make-web-playable",
        description="A film shall be made playable in a browser.",
        source=STUDIO_TODAY,
        published_by="integrations",
        payload=MakeWebPlayable,
        example={"versionId": "a1b2c3d4-0000-11e8-a4b2-0a580ae40a16", "path": "/mnt/shows/opera/sh010.mov"},
    ),
    Topic(
        name="ftrack.storage-scenario.discover",
        description="The page asks which ways to set up storage there are.",
        source=STUDIO_TODAY,
        published_by=_TOOL,
        payload=Anything,
        free=True,
        reply=Scenario,
        reply_example={
            "id": "studio.central",
            "name": "Central disk",
            "description": "One disk that every machine mounts.",
        },
    ),
    Topic(
        name="ftrack.storage-scenario.configure",
        description="The page asks for the next form of a storage set-up.",
        source=STUDIO_TODAY,
        published_by=_TOOL,
        payload=Anything,
        free=True,
        reply=Configuration,
        reply_example={
            "items": [{"type": "text", "name": "mount", "label": "Mount point"}],
            "state": "mount",
        },
    ),
    Topic(
        name="ftrack.storage-scenario.configure-done",
        description="Storage was set up anew; clients read it again.",
        source=STUDIO_TODAY,
        published_by="the tracker's web page",
    ),
    _local("ftrack.storage-scenario.activate", "A session puts the chosen storage to use."),
    _local("ftrack.connect.verify-startup", "The desktop helper asks its plugins whether they can run."),
    _local("ftrack.connect.plugin.debug-information", "The desktop helper collects its plugins' versions."),
    _local("ftrack.connect.plugin.connect-widget", "The desktop helper collects its plugins' panels."),
    _local("ftrack.connect.application.discover", "The desktop helper looks for applications to launch."),
    _local("ftrack.connect.application.launch", "The desktop helper is about to launch an application."),
    _local("ftrack.api.session.construct-entity-type", "A session makes the class of an entity type."),
    _local("ftrack.api.session.configure-location", "A session sets up its locations."),
    _local("ftrack.api.session.ready", "A session can be used."),
    _local("ftrack.api.session.reset", "A session forgot what it had."),
    _local("ftrack.api.session.get-file-type-from-string", "A session asks for the type of a file name."),
    _local("ftrack.meta.connected", "The client reached the hub; nobody may publish this."),
    _local("ftrack.meta.disconnected", "The client gave the hub up; nobody may publish this."),
)
"""Topics in use that the seed lacks."""
