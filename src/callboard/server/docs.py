"""`/v1/docs`: the OpenAPI document as one page for people, without a script and without another server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from html import escape
from itertools import groupby
from typing import Any

import msgspec
from starlette.responses import HTMLResponse, Response

from callboard import __version__
from callboard.server import problems
from callboard.server.openapi import document, summary
from callboard.server.operation import JSON, Answer, Call, Operation, Outcome, Parameter, json

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fdfcfa; --soft: #5b6670; --line: #d9d5cd;
  --code: #f1eee8; --mark: #8a3b12; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e3dd; --paper: #17191c; --soft: #a3abb3;
  --line: #34383d; --code: #22262a; --mark: #f0a070; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 56rem; padding: 2rem 1.2rem 6rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { margin: 3rem 0 .5rem; padding-bottom: .3rem; border-bottom: 2px solid var(--line); }
h3 { margin: 2rem 0 .3rem; font-size: 1.05rem; }
a { color: inherit; } nav a { margin-right: 1rem; }
code, pre { font: .9em/1.5 ui-monospace, monospace; background: var(--code); border-radius: 4px; }
code { padding: .1em .3em; } pre { padding: .8rem 1rem; overflow-x: auto; }
.method { color: var(--mark); font-weight: 700; } .soft { color: var(--soft); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
"""


def documents(operations: tuple[Operation, ...]) -> tuple[Operation, Operation]:
    """Return the operations that serve the OpenAPI document and this page, themselves described in it."""
    made: dict[str, bytes] = {}

    async def openapi(_: Call) -> Response:
        """Read this description.

        OpenAPI 3.1.
        """
        return json(made["json"])

    async def page(_: Call) -> Response:
        """Read this page."""
        return HTMLResponse(made["html"], headers=_PAGE_HEADERS)

    added = (
        _document("/v1/openapi.json", openapi, JSON, dict[str, Any]),
        _document(problems.DOCS, page, "text/html", str),
    )
    everything = (*operations, *added)
    made["json"] = msgspec.json.encode(document(everything))
    made["html"] = "".join(render(everything)).encode()
    return added


def _document(path: str, answer: Answer, media: str, kind: object) -> Operation:
    outcome = Outcome(200, "The document.", kind, media)
    return Operation(
        method="GET", path=path, answer=answer, group="Documents", public=True, outcomes=(outcome,)
    )


def render(operations: Iterable[Operation]) -> Iterator[str]:
    """Yield the page's HTML."""
    by_group = sorted(operations, key=_order(operations))
    groups = [(name, list(each)) for name, each in groupby(by_group, key=lambda one: one.group)]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Callboard over HTTP</title><style>{_STYLE}</style></head><body><main>"
    yield f'<h1>Callboard over HTTP</h1><p class="soft">Version {escape(__version__)}</p>'
    yield _PREFACE
    yield "<nav>" + "".join(f'<a href="#{name.lower()}">{name}</a>' for name, _ in groups)
    yield '<a href="#problems">Problems</a></nav>'
    for name, each in groups:
        yield f'<section id="{name.lower()}"><h2>{name}</h2>'
        for one in each:
            yield from _section(one)
        yield "</section>"
    yield from _problem_table()
    yield "</main></body></html>"


_PREFACE = """
<p>Every event goes into one log, and whoever listens follows that log through an expression. Prove
yourself with the headers <code>ftrack-user</code> and <code>ftrack-api-key</code>, or with
<code>Authorization: Bearer KEY</code>. The examples expect two variables:</p>
<pre>CALLBOARD_URL=http://127.0.0.1:8030
CALLBOARD_API_KEY=$(cat admin.key)</pre>
<p>The same as a document for programs: <a href="/v1/openapi.json">/v1/openapi.json</a>.</p>
"""


def _order(operations: Iterable[Operation]) -> Callable[[Operation], int]:
    names = list(dict.fromkeys(one.group for one in operations))
    return lambda one: names.index(one.group)


def _section(one: Operation) -> Iterator[str]:
    first, rest = summary(one)
    yield f'<h3><span class="method">{one.method}</span> <code>{escape(_plain(one.path))}</code></h3>'
    yield f"<p><strong>{escape(first)}.</strong> {_prose(rest)}</p>"
    if one.rights:
        yield f'<p class="soft">Needs a key with the {_prose(one.right_words)}.</p>'
    elif one.public:
        yield '<p class="soft">Needs no key.</p>'
    if one.parameters:
        yield '<div class="scroll"><table><tr><th>Parameter</th><th>Where</th><th>Meaning</th></tr>'
        yield "".join(map(_row, one.parameters)) + "</table></div>"
    yield f"<pre>{escape(curl(one))}</pre>"
    for outcome in one.outcomes:
        yield f'<p class="soft">{outcome.status} {escape(outcome.description)}</p>'


def _row(one: Parameter) -> str:
    cells = (f"<code>{escape(one.name)}</code>", one.where, escape(one.description))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def curl(one: Operation) -> str:
    """Return a line for a terminal that does this."""
    path = _plain(one.path)
    for parameter in one.parameters:
        path = path.replace(f"{{{parameter.name}}}", str(parameter.example))
    method = (
        "" if one.method == "GET" or (one.example.startswith("-d") and one.method == "POST") else one.method
    )
    parts = [
        "curl",
        f"-X {method}" if method else "",
        "" if one.public else '-H "Authorization: Bearer $CALLBOARD_API_KEY"',
        one.example,
        f'"$CALLBOARD_URL{path}"',
    ]
    return " ".join(part for part in parts if part)


def _plain(path: str) -> str:
    return path.replace(":path}", "}").replace(":int}", "}")


def _prose(text: str) -> str:
    """Return a docstring's text as HTML: backquotes are code."""
    pieces = escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{piece}</code>" if n % 2 else piece for n, piece in enumerate(pieces))


def _problem_table() -> Iterator[str]:
    kinds = sorted(
        {kind for kind in vars(problems).values() if isinstance(kind, problems.Kind)},
        key=lambda kind: (kind.status, kind.name),
    )
    yield '<section id="problems"><h2>Problems</h2><p>Every error is a problem document (RFC 9457): '
    yield "<code>type</code> ends in one of these names, <code>detail</code> says what to do.</p>"
    yield '<div class="scroll"><table><tr><th>Status</th><th>Name</th><th>Meaning</th></tr>'
    for kind in kinds:
        yield f'<tr id="{kind.name}"><td>{kind.status}</td><td><code>{kind.name}</code></td>'
        yield f"<td>{escape(kind.title)}</td></tr>"
    yield "</table></div></section>"
