"""What the hooks of callboard.yaml run: the steps from "Ready to print" to a film in the tracker.

    ftrack.update                           slice_it   a task is ready: its newest model is fetched and sliced
    SlicingDone                             print_it   a printer of the workshop that is free prints it
    PrintStarted                            begin      the task says where
    MovieDone                               publish    the film becomes a new version of the task's
    SlicingFailed, PrintFailed, MovieFailed fail       the task says what went wrong

The event comes on standard input. Which task it is about stands in the path of the file,
studio/<task>/<name>, so jobs that run at the same time are never mixed up. What is asked here carries the
event's trace, which `connect` takes from the hook: `callboard log trace` shows all that came of it.
"""

import json
import os
import sys

from callboard import connect

READY = "2512a715-6f67-51bf-829d-44f13cae2d79"
"""The status "Ready to print": it has the same id in every tracker."""
RETRIES = 100
"""How often the hook that prints tries again, as callboard.yaml says."""


class NotDone(Exception):
    """A request was answered with a no, and its reason."""


def ask(topic, **data):
    """Ask a room for something, and return its reply; where nobody answers, the hook tries again."""
    for reply in board.request(f"callboard.{topic}", data, deadline=60, limit=1):
        if not reply.data["success"]:
            raise NotDone(reply.data["message"])
        return reply.data
    sys.exit(f"nobody answers callboard.{topic}")


def task_of(event):
    """Return the id of the task that a file is for."""
    job = event["source"].get("job") or {}
    return (job.get("path") or event["data"]["gcode"]).split("/")[1]


def slice_it(event):
    """Fetch and slice the models of all tasks that became ready to print."""
    for entity in event["data"]["entities"]:
        status = entity.get("changes", {}).get("statusid", {}).get("new")
        if entity.get("entity_type") != "Task" or status != READY:
            continue
        task = entity["entityId"]
        try:
            model = ask("studio.fetch", task=task)
            ask("slicing.slice", file=model["path"])
        except NotDone as reason:
            ask("studio.note", task=task, note=f"This can't be printed: {reason}", status="On hold")


def print_it(event):
    """Print on the first printer that is free: ready, and with a clear bed."""
    file = event["data"]["gcode"]
    printers = ask("printer.list", printer="tags=workshop")["printers"]
    if repeated() and any(printer["job"] and printer["job"]["path"] == file for printer in printers):
        return
    for printer in printers:
        if printer["state"]["id"] == "OPERATIONAL" and printer["bed"]["clear"]:
            try:
                ask("printer.print", printer=printer["name"], file=file, if_clear=True)
            except NotDone:
                continue  # somebody was quicker
            return
    if int(os.environ["CALLBOARD_HOOK_ATTEMPT"]) > RETRIES:
        gives_up = "No printer became free: set it to Ready to print once more."
        ask("studio.note", task=task_of(event), note=gives_up, status="On hold", once=f"{event['id']} ends")
        return
    states = ", ".join(said_of(printer) for printer in printers) or "there is none"
    waits = f"It is sliced, and waits for a printer of the workshop: {states}."
    ask("studio.note", task=task_of(event), note=waits, once=f"{event['id']} waits")
    sys.exit("no printer is free")


def said_of(printer):
    """Return why a printer is not free."""
    name, state = printer["name"], printer["state"]
    if state["id"] == "OPERATIONAL" and not printer["bed"]["clear"]:
        return f"{name} may have a part on its bed"
    return f"{name} is {state['text'].lower()}"


def repeated():
    """Return whether this hook runs once more, because the hub stopped in its middle."""
    return os.environ.get("CALLBOARD_HOOK_REPEAT") == "1"


def begin(event):
    """Tell the task that it prints."""
    note = f"It prints on {event['source']['printer']}."
    ask("studio.note", task=task_of(event), note=note, status="In progress", once=event["id"])


def publish(event):
    """Make a version of the film, with a note on the task."""
    printer, film = event["source"]["printer"], event["data"]["movie_basename"]
    note = f"Printed on {printer}; the film is in this version."
    ask(
        "studio.publish", task=task_of(event), film=film, note=note, status="Pending review", once=event["id"]
    )


def fail(event):
    """Tell the task what went wrong, and put it on hold."""
    data, what = event["data"], event["topic"].rpartition(".")[2]
    reason = (data.get("error") or data.get("reason") or "unknown").rstrip(".")
    said = {
        "SlicingFailed": f"The model could not be sliced: {reason}.",
        "PrintFailed": f"The print on {event['source'].get('printer')} came to nothing ({reason}).",
        "MovieFailed": "It is printed, but there is no film of it.",
    }[what]
    ask("studio.note", task=task_of(event), note=said, status="On hold", once=event["id"])


STEPS = {
    "ftrack.update": slice_it,
    "octoprint.SlicingDone": print_it,
    "octoprint.PrintStarted": begin,
    "octoprint.MovieDone": publish,
    "octoprint.SlicingFailed": fail,
    "octoprint.PrintFailed": fail,
    "octoprint.MovieFailed": fail,
}

event = json.load(sys.stdin)
with connect() as board:
    STEPS[event["topic"]](event)
