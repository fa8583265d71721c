"""The language, row by row: tables of expressions, documents and results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callboard.errors import BadExpression
from callboard.expression import parse

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))
ROWS = [pytest.param(row, id=f"{row['row']} {row['expression']}") for row in REFERENCE["rows"]]
SEMANTICS = [
    pytest.param(group["document"], expression, result, id=f"{group['idea']}: {expression}")
    for group in json.loads((HERE / "semantics.json").read_text(encoding="utf-8"))
    for expression, result in group["rows"]
]
REJECTED = json.loads((HERE / "rejected.json").read_text(encoding="utf-8"))


def outcome(text: str, document: Any) -> bool | str:
    try:
        return parse(text).matches(document)
    except BadExpression:
        return "ParseError"


def reference_outcome(text: str, document: Any) -> bool | str:
    from ftrack_api.event.expression import Parser

    try:
        return bool(Parser().parse(text).match(document))
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_facts_gives_our_result(row: dict[str, Any]) -> None:
    assert outcome(row["expression"], row.get("document", REFERENCE["document"])) == row["ours"]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_facts_gives_the_reference_result_with_the_official_evaluator(
    row: dict[str, Any],
) -> None:
    found = reference_outcome(row["expression"], row.get("document", REFERENCE["document"]))
    assert found == row["reference"]


def test_all_eighty_rows_are_there_and_each_difference_says_why() -> None:
    assert {row["row"] for row in REFERENCE["rows"]} == {*range(1, 81), "also"}
    assert all(("why" in row) == (row["reference"] != row["ours"]) for row in REFERENCE["rows"])


def test_the_docs_explain_each_reason_for_a_difference() -> None:
    docs = (HERE.parents[1] / "docs" / "expressions.md").read_text(encoding="utf-8")
    reasons = {row["why"] for row in REFERENCE["rows"] if "why" in row}
    assert all(f'<a id="{reason}"></a>' in docs for reason in reasons)


@pytest.mark.parametrize(("document", "expression", "result"), SEMANTICS)
def test_an_expression_means(document: Any, expression: str, result: bool) -> None:
    assert parse(expression).matches(document) is result


@pytest.mark.parametrize(("text", "position", "reason"), REJECTED)
def test_a_fault_is_refused_where_it_stands(text: str, position: int, reason: str) -> None:
    with pytest.raises(BadExpression) as caught:
        parse(text)
    assert (caught.value.position, caught.value.text) == (position, text)
    assert reason in caught.value.reason
