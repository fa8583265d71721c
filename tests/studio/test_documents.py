"""What the studio's addresses say of themselves is true, whatever they are asked."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import given
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from tests.server.test_api_documents import CHECKS, ROUNDS
from tests.serving import Server

PATHS = "^/v1/(actions|enumerators|projects|components|connect|user)"


@pytest.mark.slow
def test_what_the_openapi_document_promises_of_the_studio_holds(server: Server) -> None:
    """Schemathesis asks whatever the document allows, and what it does not."""
    admin = {"ftrack-user": server.user, "ftrack-api-key": server.key}
    schema = schemathesis.openapi.from_url(f"{server.url}/v1/openapi.json", headers=admin)

    def ask(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=admin, checks=CHECKS)

    for found in schema.include(path_regex=PATHS).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        may_be_wrong = any(one.location != "path" for one in operation.iter_parameters()) or operation.body
        for mode in GenerationMode if may_be_wrong else [GenerationMode.POSITIVE]:
            ROUNDS(given(case=operation.as_strategy(mode))(ask))()
