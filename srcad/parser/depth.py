"""Room for deep expressions: afterwards work was done that Python's recursion limit stopped.

A sum of 1,000 terms is a tree of 1,000 levels. Python's parser, gast and the passes of this
package follow trees by recursion, and each level takes several Python frames, so the usual limit
of 1,000 frames stops them at a few hundred levels. To write every one of these walks without
recursion would not help with those that are not ours (gast, `ast`, `compile`), so what hits the
limit is done once more, with more room:

- in a thread of its own, since only there the size of the C stack is ours to choose: the
  stack of the caller may be small, and is partly used;
- with a higher recursion limit, which is process-wide. It is therefore raised only while such
  work runs, by one thread at a time, and not above what the usual 8 MiB stack of any other
  thread holds, so that endless recursion there still ends in a `RecursionError`.

Ordinary functions never come here: they are compiled in the thread and the limit of the caller.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import TypeVar

from srcad.errors import Loc, UnsupportedSyntaxError

_RECURSION_LIMIT = 10_000
_STACK_BYTES = 128 * 2**20

_T = TypeVar("_T")


class _State(threading.local):
    """What the current thread is doing: whether such work runs in it, and whether with room."""

    working = False
    roomy = False


_state = _State()
_raised = threading.Lock()


def _renew_lock() -> None:
    """Replace the lock in a forked child, where the thread that held it does not exist."""
    global _raised
    _raised = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def with_room(work: Callable[[], _T], function: types.FunctionType) -> _T:
    """Return `work()`, which may recurse deeply for the text of `function`.

    `work` is done again from its start if it hits the recursion limit, so it must leave nothing
    half done. Of nested calls the outermost one repeats its work, since a lock that the caller
    took in between would be closed to another thread.

    Raises
    ------
    UnsupportedSyntaxError
        If there is too little room even so.
    """
    if _state.roomy:
        try:
            return work()
        except RecursionError:
            raise _too_deep(function) from None
    if _state.working:
        return work()
    _state.working = True
    try:
        return work()
    except RecursionError:
        pass  # done again below, where this error is no longer in flight
    finally:
        _state.working = False
    return _in_thread(lambda: with_room(work, function))


def _in_thread(work: Callable[[], _T]) -> _T:
    """Return `work()`, done by another thread, with the context variables of this one."""
    from concurrent.futures import ThreadPoolExecutor  # rarely needed, and slow to import

    context = contextvars.copy_context()
    with _raised, _recursion_limit(), ThreadPoolExecutor(1, initializer=_enter) as executor:
        stack = threading.stack_size(_STACK_BYTES)
        try:
            future = executor.submit(context.run, work)  # starts the thread
        finally:
            threading.stack_size(stack)
        return future.result()


def _enter() -> None:
    _state.roomy = True


@contextlib.contextmanager
def _recursion_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    if before >= _RECURSION_LIMIT:
        yield
        return
    sys.setrecursionlimit(_RECURSION_LIMIT)
    try:
        yield
    finally:
        if sys.getrecursionlimit() == _RECURSION_LIMIT:  # else somebody else has set it since
            sys.setrecursionlimit(before)


def _too_deep(function: types.FunctionType) -> UnsupportedSyntaxError:
    code = function.__code__
    line = code.co_firstlineno
    return UnsupportedSyntaxError(
        f"an expression in the file of `{function.__name__}` is nested too deeply",
        reason=f"expressions are followed recursively, up to {_RECURSION_LIMIT:,} calls deep.",
        advice="assign parts of the expression to names.",
        loc=Loc(code.co_filename, line, 1, line, 1, function=function.__qualname__),
    )
