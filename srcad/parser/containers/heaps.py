"""The functions of `heapq` in Python, which a derivative follows in place of those written in C.

The order of the elements in the list is that of CPython, so that all of it may be read.
"""

from __future__ import annotations

from typing import Any


def push(heap: Any, item: Any) -> None:
    """`heapq.heappush`."""
    heap.append(item)
    toward_root(heap, 0, len(heap) - 1)


def pop(heap: Any) -> Any:
    """`heapq.heappop`."""
    last = heap.pop()
    if len(heap) == 0:
        return last
    least = heap[0]
    heap[0] = last
    from_root(heap, 0)
    return least


def replace(heap: Any, item: Any) -> Any:
    """`heapq.heapreplace`."""
    least = heap[0]
    heap[0] = item
    from_root(heap, 0)
    return least


def push_pop(heap: Any, item: Any) -> Any:
    """`heapq.heappushpop`."""
    if len(heap) > 0 and heap[0] < item:
        least = heap[0]
        heap[0] = item
        from_root(heap, 0)
        return least
    return item


def heapify(heap: Any) -> None:
    """`heapq.heapify`."""
    for k in range(len(heap) // 2 - 1, -1, -1):
        from_root(heap, k)


def largest(n: Any, iterable: Any, key: Any = None) -> Any:
    """`heapq.nlargest`."""
    return sorted(iterable, key=key, reverse=True)[:n]


def smallest(n: Any, iterable: Any, key: Any = None) -> Any:
    """`heapq.nsmallest`."""
    return sorted(iterable, key=key)[:n]


def toward_root(heap: Any, start: Any, place: Any) -> None:
    """Move the element at `place` up to where it belongs, not above `start`."""
    item = heap[place]
    while place > start:
        parent = (place - 1) // 2
        if not item < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = item


def from_root(heap: Any, start: Any) -> None:
    """Move the element at `start` down to a leaf along the lesser children, then up again."""
    end = len(heap)
    place = start
    item = heap[place]
    child = 2 * place + 1
    while child < end:
        other = child + 1
        if other < end and not heap[child] < heap[other]:
            child = other
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = item
    toward_root(heap, start, place)
