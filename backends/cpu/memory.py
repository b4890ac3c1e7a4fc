"""Static memory planning: every temporary gets its place in one arena before anything runs.

In: steps whose `arena` references carry the number of a buffer, and the buffers' sizes. Out: the same steps with byte
offsets, and the arena's size. Buffers that are never alive at once share bytes; where a kernel allows it
(`Call.inplace`) an output takes the place of an input that dies with it. Greedy by size, as TensorFlow Lite plans
(Pisarchyk and Lee, 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from .aligned import LINE
from .program import Branch, Call, Copy, Ref, Repeat, Step


@dataclass
class Life:
    """When a buffer is alive: the first and last moment, counted in steps, ends included."""

    first: int
    last: int


@dataclass
class Moments:
    """The accesses of a program in order: which buffers each moment touches, and inside which loops it lies."""

    accesses: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)  # buffer, moment, loops
    spans: dict[int, list[int]] = field(default_factory=dict)  # loop: first and last moment
    calls: list[tuple[int, Call]] = field(default_factory=list)
    now: int = 0

    def visit(self, steps: Sequence[Step], loops: tuple[int, ...] = ()) -> None:
        """Record the steps, those of loops and branches too."""
        for step in steps:
            if isinstance(step, Repeat):
                number = len(self.spans)
                self.spans[number] = [self.now, 0]
                self._tick([step.condition] if step.condition else [], (*loops, number))
                self.visit((*step.head, *step.body), (*loops, number))
                self._tick([step.condition] if step.condition else [], (*loops, number))
                self.spans[number][1] = self.now
            elif isinstance(step, Branch):
                self._tick([step.condition], loops)
                self.visit((*step.then, *step.other), loops)
            else:
                if isinstance(step, Call):
                    self.calls.append((self.now, step))
                self._tick(operands(step), loops)

    def _tick(self, refs: Sequence[Ref], loops: tuple[int, ...]) -> None:
        self.accesses += [(ref.index, self.now, loops) for ref in refs if ref.space == "arena"]
        self.now += 1

    def lives(self) -> dict[int, Life]:
        """Return each buffer's life; one that enters or leaves a loop lives through all of it."""
        common: dict[int, tuple[int, ...]] = {}
        for buffer, _, loops in self.accesses:
            common[buffer] = _prefix(common.get(buffer, loops), loops)
        found: dict[int, Life] = {}
        for buffer, moment, loops in self.accesses:
            depth = len(common[buffer])
            first, last = self.spans[loops[depth]] if len(loops) > depth else (moment, moment)
            life = found.setdefault(buffer, Life(first, last))
            life.first, life.last = min(life.first, first), max(life.last, last)
        return found


def _prefix(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return a[:same]


def operands(step: Call | Copy) -> Sequence[Ref]:
    """Return the addresses a step reads or writes."""
    return step.args if isinstance(step, Call) else (step.target, step.source)


def plan(steps: Sequence[Step], sizes: Sequence[int]) -> tuple[tuple[Step, ...], int]:
    """Return the steps with arena offsets instead of buffer numbers, and the bytes of the arena."""
    moments = Moments()
    moments.visit(steps)
    lives = moments.lives()
    owner = _share(moments, lives, sizes)
    offsets, total = _place(lives, sizes)

    def settle(ref: Ref) -> Ref:
        if ref.space != "arena":
            return ref
        return replace(ref, index=0, offset=ref.offset + offsets[_find(owner, ref.index)])

    return tuple(rewrite(step, settle) for step in steps), total


def _find(owner: dict[int, int], buffer: int) -> int:
    while buffer in owner:
        buffer = owner[buffer]
    return buffer


def _share(moments: Moments, lives: dict[int, Life], sizes: Sequence[int]) -> dict[int, int]:
    """Let outputs take over the buffers of inputs that die in the same call; return who owns whose bytes."""
    owner: dict[int, int] = {}
    for moment, call in moments.calls:
        for output, source in call.inplace:
            target, origin = call.args[output], call.args[source]
            if not (_plain(target) and _plain(origin)) or target.index not in lives:
                continue
            new, old = target.index, _find(owner, origin.index)
            dies = lives[old].last == moment and lives[new].first == moment
            read_once = sum(a.space == "arena" and _find(owner, a.index) == old for a in call.args) == 1
            if dies and read_once and new != old and sizes[new] <= sizes[old]:
                lives[old].last = lives.pop(new).last
                owner[new] = old
    return owner


def _plain(ref: Ref) -> bool:
    return ref.space == "arena" and not ref.offset and not ref.strides


def _place(lives: dict[int, Life], sizes: Sequence[int]) -> tuple[dict[int, int], int]:
    """Return the offset of each buffer: the largest first, each at the lowest place free during its life."""
    placed: list[tuple[int, int, Life]] = []  # offset, end, life; by offset
    offsets: dict[int, int] = {}
    for buffer in sorted(lives, key=lambda b: (-sizes[b], lives[b].first, b)):
        life, size, at = lives[buffer], -(-sizes[buffer] // LINE) * LINE, 0
        for offset, end, other in placed:
            if other.first <= life.last and life.first <= other.last:
                if offset - at >= size:
                    break
                at = max(at, end)
        offsets[buffer] = at
        placed.append((at, at + size, life))
        placed.sort(key=lambda entry: entry[0])
    return offsets, max((end for _, end, _ in placed), default=0)


def rewrite(step: Step, change: Callable[[Ref], Ref]) -> Step:
    """Return a step with every address changed."""
    if isinstance(step, Call):
        return replace(step, args=tuple(map(change, step.args)))
    if isinstance(step, Copy):
        return replace(step, target=change(step.target), source=change(step.source))
    if isinstance(step, Branch):
        then, other = (tuple(rewrite(s, change) for s in side) for side in (step.then, step.other))
        return Branch(change(step.condition), then, other)
    condition = change(step.condition) if step.condition else None
    head, body = (tuple(rewrite(s, change) for s in part) for part in (step.head, step.body))
    return replace(step, head=head, body=body, condition=condition)


def calls_of(steps: Sequence[Step]) -> Iterator[Call]:
    """Yield every call, those in loops and branches too."""
    for step in steps:
        if isinstance(step, Call):
            yield step
        elif isinstance(step, Repeat):
            yield from calls_of((*step.head, *step.body))
        elif isinstance(step, Branch):
            yield from calls_of((*step.then, *step.other))
