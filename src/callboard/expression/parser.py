"""Tokens -> nodes in normal form, in linear time and without recursion.

    tokens -> postfix (a group's operands, then `and`/`or` with their number) -> normal form

The official parser tries each level of its grammar again and again, and takes minutes for ten
parentheses; recursive descent would end at Python's recursion limit. So this is a shunting
yard: one stack of open groups. The postfix list is then read backwards, parents first, so that
each node knows the group it falls into: `and` within `and` is one group, `not` moves down
through `or`, and two of them cancel out.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from callboard.errors import BadExpression
from callboard.expression.lexer import Token, tokens
from callboard.expression.nodes import (
    EVERYTHING_NODE,
    Comparison,
    Node,
    Not,
    conjunction,
    disjunction,
    negation,
)

Joint: TypeAlias = Literal["and", "or", "not"]


class Joined(NamedTuple):
    """An operator in postfix: joins that many `operands` before it."""

    joint: Joint
    operands: int


Postfix: TypeAlias = list[Comparison | Joined]


class _Group:
    """An open parenthesis (or the whole text): how many operands its lists have so far."""

    __slots__ = ("ands", "negated", "ors", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.ors = 0
        self.ands = 0
        self.negated = False


class _Place(NamedTuple):
    """Where a node falls: into `into`, which is joined by `joint`, turned around if `negated`."""

    joint: Joint
    into: list[Node]
    negated: bool


class _Collected(NamedTuple):
    """A group whose nodes are being collected, and the list that it goes into."""

    joint: Joint
    nodes: list[Node]
    negated: bool
    parent: list[Node]


def parse_node(text: str) -> Node:
    """Return what `text` means, in normal form; raises BadExpression."""
    if not text.strip():
        return EVERYTHING_NODE
    return normal(postfix(text))


def postfix(text: str) -> Postfix:
    """Return the conditions and operators of `text` in postfix order; raises BadExpression."""
    output: Postfix = []
    groups = [_Group(-1)]
    for token in tokens(text):
        group = groups[-1]
        match token.kind:
            case "condition":
                assert token.condition is not None
                output.append(token.condition)
                _close_operand(group, output)
            case "not":
                group.negated = not group.negated
            case "or":
                _close_ands(group, output)
            case "(":
                groups.append(_Group(token.start))
            case ")":
                _close_group(groups, output, text, token)
            case "end":
                _close_all(groups, output, text)
    return output


def _close_operand(group: _Group, output: Postfix) -> None:
    if group.negated:
        output.append(Joined("not", 1))
        group.negated = False
    group.ands += 1


def _close_ands(group: _Group, output: Postfix) -> None:
    if group.ands > 1:
        output.append(Joined("and", group.ands))
    group.ands = 0
    group.ors += 1


def _close_ors(group: _Group, output: Postfix) -> None:
    _close_ands(group, output)
    if group.ors > 1:
        output.append(Joined("or", group.ors))


def _close_group(groups: list[_Group], output: Postfix, text: str, token: Token) -> None:
    if len(groups) == 1:
        raise BadExpression("This parenthesis closes nothing: leave it out", text, token.start)
    _close_ors(groups.pop(), output)
    _close_operand(groups[-1], output)


def _close_all(groups: list[_Group], output: Postfix, text: str) -> None:
    if len(groups) > 1:
        raise BadExpression("This parenthesis is never closed", text, groups[-1].start)
    _close_ors(groups[0], output)


def normal(output: Postfix) -> Node:
    """Return the normal form of a postfix list."""
    root: list[Node] = []
    places = [_Place("not", root, False)]
    collected: list[_Collected] = []
    for token in reversed(output):
        place = places.pop()
        if isinstance(token, Comparison):
            place.into.append(Not(token) if place.negated else token)
        elif token.joint == "not":
            places.append(place._replace(negated=not place.negated))
        else:
            places.extend([_inside(place, token.joint, collected)] * token.operands)
    for group in reversed(collected):  # the innermost were opened last
        group.parent.append(_joined(group))
    return root[0]


def _inside(place: _Place, joint: Joint, collected: list[_Collected]) -> _Place:
    """Return the place of the operands of a `joint` that itself falls into `place`."""
    turned = place.negated and joint == "or"  # not (a or b): not a and not b
    joint = "and" if turned else joint
    wrapped = place.negated and not turned  # not (a and b) stays
    if joint == place.joint and not wrapped:
        return _Place(joint, place.into, turned)
    nodes: list[Node] = []
    collected.append(_Collected(joint, nodes, wrapped, place.into))
    return _Place(joint, nodes, turned)


def _joined(group: _Collected) -> Node:
    node = conjunction(group.nodes) if group.joint == "and" else disjunction(group.nodes)
    return negation(node) if group.negated else node
