"""What is at a path, and whether something new may be there."""

from __future__ import annotations

from callboard.files.names import folded, kind_of
from callboard.files.refusals import BadName, NoSuchFile, Taken
from callboard.files.tree import Found, Parts, Tree, found_in, inside


def path_of(elements: Parts) -> str:
    """Return a path as text."""
    return "/".join(elements)


def existing(tree: Tree, elements: Parts) -> Found:
    """Return the file or folder at a path; raises NoSuchFile, or BadName for a link."""
    found = tree.find(elements)
    if found is None:
        raise NoSuchFile(f"There is no {path_of(elements)!r}: `callboard files list` shows what there is.")
    if not (found.is_file or found.is_folder):
        raise BadName(f"{path_of(elements)!r} is no file and no folder: links are not followed in here.")
    return found


def there(tree: Tree, elements: Parts, *, folder: bool = False) -> Found | None:
    """Return what is at a path, None where a new file (or `folder`) may be.

    Raises Taken for a name that some disks can't tell from one that is there, and for a new folder
    that is called like a file.
    """
    for depth, name in enumerate(elements):
        if not _in(tree, elements[:depth], name):
            for each in elements[depth:] if folder else elements[depth:-1]:
                _refuse_misleading(each)
            return None
    return existing(tree, elements)


def _in(tree: Tree, above: Parts, name: str) -> bool:
    with tree.folder(above) as folder:
        if found_in(folder, name) is not None:
            return True
        twin = next((one.name for one in inside(folder) if folded(one.name) == folded(name)), None)
    if twin is not None:
        raise Taken(f"{name!r} differs from {twin!r} in case only, which not every disk can tell apart.")
    return False


def _refuse_misleading(name: str) -> None:
    if kind_of(name) is not None:
        raise Taken(f"A folder can't be called {name!r}: that is the name of a file.")
