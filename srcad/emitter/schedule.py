"""From regions to statements: IR -> `tree.Program`.

What holds afterwards: every operation is a statement; what loops carry and branches yield are
explicit copies; a loop ends early by `Break`, after the copies and appends of its last iteration;
lists of residuals are filled where their values are made and run over where they are consumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from srcad.emitter import tree as T
from srcad.emitter.exits import Emits, Path, unchanged
from srcad.emitter.residuals import pops, sinks
from srcad.emitter.tapes import Group, tapes
from srcad.emitter.undefined import Joints, is_read, unbound_test
from srcad.ir import ops as O
from srcad.ir.abstract import Array, ListOf
from srcad.ir.build import map_tree
from srcad.ir.undefined import possibly_undefined
from srcad.ir.values import UNDEFINED, Const, Function, Op, Operand, Region, Value, walk
from srcad.pristine import np

NONE = Const.of(None)
ZERO = Const.of(0)


def schedule(function: Function, tree: Any, defined: Iterable[Value] = ()) -> T.Program:
    """The statements of a function.

    `tree` says how its yields make what Python returns. The values `defined` are None where they
    have no value, rather than unbound.
    """
    return _Scheduler(function, tree, defined).program


def yields_in(tree: Any, yields: Sequence[Operand]) -> Any:
    """The result tree with the operands in place of their indices."""
    return map_tree(tree, lambda leaf: yields[leaf] if isinstance(leaf, int) else leaf)


class _Uses:
    """Who uses each value: operations, regions (as a yield), or the end of the function (None)."""

    def __init__(self, function: Function, results: Iterable[Operand]) -> None:
        self.users: dict[Value, list[Op | Region | None]] = {}
        self.defining: dict[Value, Op] = {}
        for op in walk(function.body):
            for operand in op.operands:
                self.note(operand, op)
            for region in op.regions:
                for operand in region.yields:
                    self.note(operand, region)
            for result in op.results:
                self.defining[result] = op
        for operand in results:
            self.note(operand, None)
        self.skipped: set[Op] = set()

    def note(self, operand: Operand, user: Op | Region | None) -> None:
        if isinstance(operand, Value):
            self.users.setdefault(operand, []).append(user)

    def of(self, value: Value) -> list[Op | Region | None]:
        return self.users.get(value, [])

    def drop(self, operand: Operand, user: Op | Region) -> None:
        """`user` reads the operand no more; what nobody reads any more is not computed."""
        if not isinstance(operand, Value) or user not in self.of(operand):
            return
        self.users[operand].remove(user)
        op = self.defining.get(operand)
        if self.users[operand] or op is None or op.kind not in (O.APPLY, O.GETITEM, O.FIELD):
            return
        if any(self.of(r) for r in op.results):
            return
        self.skip(op)

    def skip(self, op: Op) -> None:
        self.skipped.add(op)
        for operand in op.operands:
            self.drop(operand, op)


class _Scheduler:
    def __init__(self, function: Function, tree: Any, defined: Iterable[Value]) -> None:
        result = yields_in(tree, function.body.yields)
        self.uses = _Uses(function, T.operands_in(result))
        self.program = T.Program(function.body.params, [], function.body.ops)
        self.flipped = self.reversed_lists(function)
        self.sunk = sinks(function, self.uses.users)
        self.popped = pops(function, self.uses.users, self.sunk, self.flipped)
        self.drop_unread(function)
        self.popped_in: dict[Region, T.Block] = {}
        for source, popped in self.popped.items():
            pop = T.Pop(popped.element, source)
            self.popped_in.setdefault(popped.region, []).append(pop)
        self.tapes = tapes(function, self.uses.users, self.sunk, self.popped, self.flipped)
        self.program.hints = self.tapes.hints
        self.tapes.dropped |= self.unread
        self.sources: dict[Op, list[T.Source]] = {}
        for op in walk(function.body):
            if op.kind is O.FOR:
                self.sources[op] = self.for_sources(O.ForView(op))
        joints = Joints(function)
        self.total = joints.total(self.sunk, defined)
        self.program.partial = joints.partial(self.total)
        self.program.defined_if = joints.defined_if
        self.program.may_be_none = possibly_undefined(function.body.ops, or_none=True)
        self.none_tested: dict[Op, Op] = {}
        self.drop_readers(function.body, result)
        self.share_with_outer(function)
        body, _ = self.statements(function.body.ops)
        if not T.ends(body):
            body.append(T.Return(result))
        self.program.body = body

    # ------------------------------------------------------------------ lists
    def drop_unread(self, function: Function) -> None:
        """Lists are not filled whose elements nobody reads: bounds of loops that run over lists
        themselves instead."""
        self.unread: set[Value] = set()
        # What reads a list stands behind the loop that fills it, or inside.
        for op in reversed([op for op in walk(function.body) if op.kind in (O.FOR, O.WHILE)]):
            view = _view(op)
            for value, item in zip(view.lists, view.emits):
                if not self.uses.of(value):
                    self.unread.add(value)
                    self.uses.drop(item, view.body)
            if isinstance(view, O.ForView):
                self.drop_streams(view)

    def drop_streams(self, view: O.ForView) -> None:
        """Forget what a loop does not need to run over."""
        pairs = list(zip(view.elements, view.streams))
        for element, stream in pairs:
            if isinstance(stream, Value) and not self.uses.of(element):
                self.popped.pop(stream, None)
                self.uses.drop(stream, view.op)
        runs_over_lists = any(self.uses.of(e) and not self.is_popped(e, s) for e, s in pairs)
        if runs_over_lists and not self.uses.of(view.index):
            for bound in (view.start, view.stop, view.step):
                self.uses.drop(bound, view.op)

    def reversed_lists(self, function: Function) -> set[Value]:
        """Lists in reverse logical order that may stay so: they are only run over."""
        found = set()
        for op in walk(function.body):
            if op.kind in (O.FOR, O.WHILE):
                view = _view(op)
                for value, flag in zip(view.lists, view.emit_flags):
                    if flag and all(
                        isinstance(u, Op) and u.kind is O.FOR and value in O.ForView(u).streams
                        for u in self.uses.of(value)
                    ):
                        found.add(value)
        return found

    def drop_readers(self, region: Region, result: Any = ()) -> None:
        """Leave out the readers of variables that the text around them reads anyway; where a
        variable is None instead of unbound, they test that."""
        returned = T.operands_in(result)
        for op in region.ops:
            for inner in op.regions:
                self.drop_readers(inner)
            if op.attrs.get("reader"):
                (value,) = op.operands
                if value not in self.program.partial:
                    if value in self.program.may_be_none:
                        self.none_tested[op] = unbound_test(op)
                elif value in returned or is_read(region.ops, value, self.uses.skipped):  # type: ignore[arg-type]
                    self.uses.drop(value, op)
                    self.uses.skipped.add(op)

    def share_with_outer(self, function: Function) -> None:
        """Make results of branches that may be unbound one with the result of an outer branch
        that they are for: an unbound variable cannot be copied."""
        for op in walk(function.body):
            for region in op.regions if op.kind is O.IF else ():
                for inner in region.ops:
                    for r in inner.results if inner.kind is O.IF else ():
                        if r in self.program.partial and self.uses.of(r) == [region]:
                            outer = op.results[region.yields.index(r)]
                            if outer not in self.sunk:
                                self.program.same[r] = outer

    # ------------------------------------------------------------------ what a `for` runs over
    def for_sources(self, view: O.ForView) -> list[T.Source]:
        streams: list[T.Source] = []
        of_group: dict[Group, T.Source] = {}
        for e, s, flag in zip(view.elements, view.streams, view.stream_flags):
            if not self.uses.of(e) or self.is_popped(e, s) or e in self.tapes.dropped:
                continue
            joined = self.tapes.iterated.get(s) if isinstance(s, Value) else None
            backwards = flag ^ (s in self.flipped)
            if joined is None:
                streams.append(T.Source([e], None, s, backwards))
                continue
            group, walked, place = joined
            if group not in of_group:
                targets: list[Value | None] = [None] * len(group.lists)
                of_group[group] = T.Source(targets, None, walked, backwards)
                streams.append(of_group[group])
            of_group[group].targets[place] = e
        bounds = (view.start, view.stop, view.step)
        readers = self.uses.of(view.index)
        if not readers and streams:
            return streams
        direct = self.element_sources(view, bounds) if readers else []
        if direct:
            return [*direct, *streams]
        target = view.index if readers else None
        return [T.Source([target], bounds, None, view.reverse), *streams]

    def is_popped(self, element: Value, source: Operand) -> bool:
        popped = self.popped.get(source) if isinstance(source, Value) else None
        return popped is not None and popped.element is element

    def element_sources(self, view: O.ForView, bounds: Sequence[Operand]) -> list[T.Source]:
        """The arrays that a loop runs over by index, to be run over themselves; [] if it reads
        its index for something else."""
        if not (_is_int(view.start, 0) and _is_int(view.step, 1)):
            return []
        lengths = self.measured(view.stop)
        if view.reverse and len(lengths) > 1:
            return []  # the ends of arrays of different lengths do not belong together
        reads = []
        others = False
        for op in self.uses.of(view.index):
            if isinstance(op, Op) and op.kind is O.GETITEM and op.operands[1:] == (view.index,):
                if op.operands[0] in lengths:
                    reads.append(op)
                    continue
            others = True
        if {op.operands[0] for op in reads} != lengths or len(reads) != len(lengths):
            return []
        counted = others and len(reads) == 1 and not view.reverse and reads[0].results[0].named
        if others and not (counted and not view.streams):
            return []
        sources = []
        for op in reads:
            element = op.results[0]
            self.uses.skipped.add(op)
            self.uses.users[view.index].remove(op)
            targets: list[Value | None] = [view.index, element] if counted else [element]
            sources.append(T.Source(targets, None, op.operands[0], view.reverse, counted))
        for bound in bounds:
            self.uses.drop(bound, view.op)
        return sources

    def measured(self, stop: Operand) -> set[Operand]:
        """The arrays whose length (or the least of whose lengths) `stop` is."""
        op = self.uses.defining.get(stop) if isinstance(stop, Value) else None
        if op is None:
            return set()
        fn = op.attrs.get("fn")
        if fn is len:
            return {op.operands[0]} if _iterable(op.operands[0]) else set()
        if fn is min and len(op.operands) > 1:
            parts = [self.measured(o) for o in op.operands]
            return set().union(*parts) if all(len(p) == 1 for p in parts) else set()
        if op.kind is O.FIELD and op.attrs["key"] == 0:
            shape = self.uses.defining.get(op.operands[0])  # type: ignore[arg-type]
            if shape is not None and shape.attrs.get("fn") is np.shape:
                return {shape.operands[0]} if _iterable(shape.operands[0]) else set()
        return set()

    # ------------------------------------------------------------------ regions
    def region(self, region: Region, count: int | None = None) -> tuple[T.Block, dict[Value, int]]:
        """Statements of (the first `count` operations of) a region, as `statements` does."""
        return self.statements(region.ops[:count], self.popped_in.get(region, ()))

    def statements(
        self, ops: Sequence[Op], first: Sequence[T.Statement] = ()
    ) -> tuple[T.Block, dict[Value, int]]:
        """Statements of a block, and for each value the position after its definition."""
        block: T.Block = list(first)
        after: dict[Value, int] = {}
        for op in ops:
            if op in self.uses.skipped:
                continue
            if op.kind in (O.FIELD, O.GLOBAL) and not self.uses.of(op.results[0]):
                continue  # a part of a parameter that only a further derivative would need
            if op.kind is O.IF:
                block.append(self.branch(op))
            elif op.kind in (O.FOR, O.WHILE):
                block += self.loop(op)
            else:
                block.append(T.Define(self.none_tested.get(op, op)))
            after.update((r, len(block)) for r in op.results)
        return block, after

    def branch(self, op: Op) -> T.Statement:
        blocks = []
        for region in op.regions:
            block, after = self.region(region)
            blocks.append(self.finished_branch(op, region, block, after))
        return T.Branch(op.operands[0], blocks[0], blocks[1], op, op.loc)

    def finished_branch(
        self, op: Op, region: Region, block: T.Block, after: dict[Value, int]
    ) -> T.Block:
        """A branch's block with its results, and what it hands to lists of an outer loop."""
        if T.ends(block):
            return block
        appends = [(self.sunk[r], y) for r, y in zip(op.results, region.yields) if r in self.sunk]
        pairs = [(r, y) for r, y in zip(op.results, region.yields) if r not in self.sunk]
        block = self.with_appends(block, after, appends, op)
        return [*block, *self.copies(pairs, op)]

    def with_appends(
        self,
        block: T.Block,
        after: dict[Value, int],
        appends: Iterable[tuple[Value, Operand]],
        op: Op,
    ) -> T.Block:
        """The block with values appended to lists right after their definitions."""
        at: dict[int, T.Block] = {}
        waiting: dict[Group, dict[Value, tuple[Operand, int]]] = {}
        for target, item in appends:
            if isinstance(item, Value) and item in self.sunk:
                continue  # its own branches append it
            if item is UNDEFINED:
                if target in self.popped:
                    continue
                item = NONE
            if target in self.tapes.dropped:
                continue
            position = after.get(item, 0) if isinstance(item, Value) else 0
            if isinstance(item, Value) and item in self.tapes.group:
                item = self.tapes.group[item].value
            if target in self.tapes.group:
                group = self.tapes.group[target]
                gathered = waiting.setdefault(group, {})
                gathered[target] = (item, position)
                if len(gathered) < len(group.lists):
                    continue
                items = tuple(gathered[v][0] for v in group.lists)
                position = max(p for _, p in gathered.values())
                append = T.Append(group.value, items, op.loc)
            else:
                append = T.Append(target, (item,), op.loc)
            at.setdefault(position, []).append(append)
        if not at:
            return block
        result: T.Block = list(at.get(0, ()))
        for position, statement in enumerate(block, 1):
            result.append(statement)
            result += at.get(position, ())
        return result

    def copies(self, pairs: Iterable[tuple[Value, Operand]], op: Op) -> T.Block:
        """The copies of one joint, without those that are none."""
        kept: list[tuple[Value, Operand]] = []
        for target, source in pairs:
            target = self.program.canonical(target)
            if isinstance(source, Value):
                source = self.program.canonical(source)
            if source is UNDEFINED:
                if target not in self.total:
                    continue
                source = NONE
            if source is not target:
                kept.append((target, source))
        return [T.Copy(kept, op.loc)] if kept else []

    # ------------------------------------------------------------------ loops
    def loop(self, op: Op) -> T.Block:
        view = _view(op)
        same = self.program.same
        tests: Sequence[Value] = view.cond_carries if isinstance(view, O.WhileView) else ()
        for param, final in zip(view.carries, view.finals):
            same[final] = param
        for param, test in zip(view.carries, tests):
            same[test] = param
        block = self.copies(zip(view.carries, view.inits), op)
        counted = view.trips is not None and bool(self.uses.of(view.trips))
        if counted:
            block.append(T.Copy([(view.trips, ZERO)], op.loc))  # type: ignore[list-item]
        lists: dict[Value, bool] = {}
        for value, flag in zip(view.lists, view.emit_flags):
            if value not in self.tapes.dropped:
                group = self.tapes.group.get(value)
                lists[group.value if group else value] = flag and value not in self.flipped
        block += [T.NewList(v, op.loc) for v in lists]
        body = self.loop_body(view)
        if counted:
            body.insert(0, T.Count(view.trips, op.loc))  # type: ignore[arg-type]
        if isinstance(view, O.ForView):
            block.append(T.ForLoop(self.sources[op], body, op))
        else:
            header, _ = self.region(view.cond)
            block.append(T.WhileLoop(header, view.cond.yields[0], body, op))
        block += [T.Reverse(v, op.loc) for v, backwards in lists.items() if backwards]
        return block

    def loop_body(self, view: O.ForView | O.WhileView) -> T.Block:
        path = Path(
            view.body, () if view.stop_flag is None else (view.stop_flag,),
            list(view.next_carries), list(zip(view.lists, view.emits)),
            lambda v: len(self.uses.of(v)),
        )  # fmt: skip
        # A carry that no further iteration sees changed is not set but where the loop is left.
        fixed = {
            k
            for k, (param, init) in enumerate(zip(view.carries, view.inits))
            if all(unchanged(nexts[k], param, init) for nexts in path.going_on())
        }
        block = self.way(path, view, fixed, path.emits)
        if T.ends(block):
            return block
        changed = [k for k in range(len(view.carries)) if k not in fixed]
        pairs = [(view.carries[k], path.nexts[k]) for k in changed]
        copies = self.copies(pairs, view.op)
        if path.tail is not None or not path.flags:
            return [*block, *copies]
        (flag,) = path.flags
        leave: T.Block = [T.Break(view.op.loc)]
        if flag in view.carries:  # the copies overwrite it
            leave = [*self.leaving(path, view, fixed), *leave]
            return [*block, T.Branch(flag, leave, [], None, view.op.loc), *copies]
        return [*block, *copies, T.Branch(flag, leave, [], None, view.op.loc)]

    def way(
        self, path: Path, view: O.ForView | O.WhileView, fixed: set[int], emits: Emits
    ) -> T.Block:
        """The statements of one way through a loop body, until it ends or meets others."""
        tail = path.tail
        count = len(path.ops) - (tail is not None)
        block, after = self.region(path.region, count)
        if T.ends(block):
            return block
        own, of_tail = path.split(emits)
        block = self.with_appends(block, after, own, view.op)
        if tail is not None:
            blocks = []
            for region in tail.regions:
                inner = path.into(region, of_tail)
                within = self.way(inner, view, fixed, inner.emits)
                if not T.ends(within):
                    within += self.branch_end(inner, path, view, fixed, of_tail)
                blocks.append(within)
            block.append(T.Branch(tail.operands[0], blocks[0], blocks[1], tail, tail.loc))
        elif path.leaves:
            block += [*self.leaving(path, view, fixed), T.Break(view.op.loc)]
        return block

    def branch_end(
        self,
        path: Path,
        outer: Path,
        view: O.ForView | O.WhileView,
        fixed: set[int],
        emitted: Emits,
    ) -> T.Block:
        """What follows in a branch of the tail of `outer` that may go on: exits by computed
        flags, then the results of the branch."""
        tail: Any = outer.tail
        block: T.Block = []
        for flag in path.flags if path.tail is None else ():
            leave = [*self.leaving(path, view, fixed), T.Break(tail.loc)]
            block.append(T.Branch(flag, leave, [], None, tail.loc))
        appended = {e for _, e in emitted}
        pairs = [
            (r, y)
            for r, y in zip(tail.results, path.region.yields)
            if not (r in appended and r not in outer.nexts and len(self.uses.of(r)) == 1)
        ]
        return [*block, *self.copies(pairs, tail)]

    def leaving(self, path: Path, view: O.ForView | O.WhileView, fixed: set[int]) -> T.Block:
        """What the last iteration leaves behind, on a way out of the loop."""
        pairs = [
            (param, after)
            for k, (param, init, after) in enumerate(zip(view.carries, view.inits, path.nexts))
            if not (k in fixed and unchanged(after, param, init))
        ]
        return self.copies(pairs, view.op)


def _is_int(operand: Operand, number: int) -> bool:
    return isinstance(operand, Const) and type(operand.value) is int and operand.value == number


def _iterable(operand: Operand) -> bool:
    t = operand.type
    return isinstance(t, ListOf) or (isinstance(t, Array) and bool(t.dims))


def _view(op: Op) -> Any:
    return O.ForView(op) if op.kind is O.FOR else O.WhileView(op)
