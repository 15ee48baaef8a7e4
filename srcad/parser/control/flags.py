"""Flags: variables of a frame that say how a block was left, and what for.

No name of a program begins with `$`. A flag is absent where nothing can have set it.
"""

from __future__ import annotations

from srcad.parser.bindings import Key, Known

RESULT, RETURNED, BROKEN, CONTINUED = "$result", "$returned", "$broken", "$continued"

FLAGS = (RETURNED, BROKEN, CONTINUED)

ERROR = "$error"
DEAD = "$dead"  # nothing that follows is reached
LEFT = "$left"  # the flag of a block that is left in its middle begins so (see trying)

TRUE, FALSE = Known(True), Known(False)


def is_flag(key: Key) -> bool:
    """Whether this pseudo-variable says that the rest of a block is skipped."""
    return isinstance(key, str) and (key in FLAGS or key.startswith(LEFT))


def is_error(key: Key) -> bool:
    """Whether this pseudo-variable holds an error that a block was left for."""
    return isinstance(key, str) and key.startswith(ERROR)
