"""Lines that are too long are broken at marks.

An expression is written as a list of strings in which *marks* stand where the line may be
broken. A mark is itself the string that it prints on an unbroken line, so a statement that fits
is a plain join; only one that does not fit is laid out.
"""

from __future__ import annotations

from collections.abc import Sequence

LINE_WIDTH = 88
SHORT_BRACKETS = 16


class Mark(str):
    """Where a line may be broken; as a string, what is printed where it is not broken.

    ``before`` and ``after`` stand before and after the line break, ``depth`` is +1 if the mark
    opens a group, -1 if it closes one, ``bracket`` tells groups that hang in brackets from
    chains of operators, which may be broken only inside brackets.
    """

    before: str
    after: str
    depth: int
    bracket: bool

    def __new__(
        cls, flat: str = "", before: str = "", after: str = "", depth: int = 0, bracket: bool = True
    ) -> Mark:
        mark = super().__new__(cls, flat)
        mark.before, mark.after, mark.depth, mark.bracket = before, after, depth, bracket
        return mark


OPEN = Mark(depth=1)  # after an opening bracket
CLOSE = Mark(depth=-1)  # before a closing bracket
CLOSE_ITEMS = Mark(before=",", depth=-1)  # the same, after items that a comma may follow
PAREN = Mark(before="(", depth=1)  # parentheses that are there only if broken
PAREN_END = Mark(after=")", depth=-1)
PAREN_END_ITEMS = Mark(before=",", after=")", depth=-1)
ROUND = (("(", OPEN), (CLOSE_ITEMS, ")"))
SQUARE = (("[", OPEN), (CLOSE_ITEMS, "]"))
CURLY = (("{", OPEN), (CLOSE_ITEMS, "}"))
CHAIN = Mark(depth=1, bracket=False)
CHAIN_END = Mark(depth=-1, bracket=False)
SPACE = Mark(" ")
COMMA = Mark(", ", before=",")


def broken(tokens: Sequence[str], indent: int, short: int) -> list[str]:
    """Lay out a line that is too long.

    A group in brackets that does not fit goes to a line of its own, indented by four columns;
    if it does not fit there either, each of its items goes to its own line. A chain of operators
    in such brackets that does not fit is broken before each operator. Of brackets in a row the
    last are broken, but none of at most ``short`` columns, such as ``[i]``.
    """
    closing, until_break = _measure(tokens, short)
    lines: list[str] = []
    line = " " * indent
    groups = [(False, indent)]  # for each open group: whether items get own lines, indentation
    position = 0
    while position < len(tokens):
        token = tokens[position]
        itemised, indent = groups[-1]
        if not isinstance(token, Mark):
            line += token
        elif token.depth > 0:
            end = closing[position]
            content = "".join(tokens[position:end])
            width = len(line) + len(content) + until_break[end + 1]
            if width <= LINE_WIDTH or (token.bracket and len(content) <= short):
                line += content
                position = end
            elif token.bracket:
                lines.append(line + token.before)
                line = " " * (indent + 4)
                groups.append((len(line) + len(content) > LINE_WIDTH, indent + 4))
            else:
                groups.append((itemised, indent))
        elif token.depth < 0:
            groups.pop()
            if token.bracket:
                lines.append(line + token.before if itemised else line)
                line = " " * groups[-1][1] + token.after
        elif itemised:
            lines.append(line + token.before)
            line = " " * indent
        else:
            line += token
        position += 1
    lines.append(line)
    return lines


def _measure(tokens: Sequence[str], short: int) -> tuple[dict[int, int], list[int]]:
    """Return where each group closes, and the width from each token to the next possible break."""
    closing: dict[int, int] = {}
    until_break = [0] * (len(tokens) + 1)
    ends: list[tuple[int, int]] = []  # position and width after it of each group still open
    width = 0
    for position in reversed(range(len(tokens))):
        token = tokens[position]
        width += len(token)
        until_break[position] = len(token) + until_break[position + 1]
        if not isinstance(token, Mark):
            continue
        is_short = False
        if token.depth < 0:
            ends.append((position, width))
        elif token.depth > 0:
            end, after = ends.pop()
            closing[position] = end
            is_short = width - after <= short
            if is_short and token.bracket:
                until_break[position] = width - after + until_break[end + 1]
        if token.bracket and not is_short:
            until_break[position] = len(token.before)
    return closing, until_break
