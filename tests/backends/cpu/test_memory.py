"""Memory planning: programs that share bytes compute what programs with a buffer for each value would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from aicomp.backends.cpu.memory import calls_of, plan, rewrite
from aicomp.backends.cpu.program import Branch, Call, Copy, Ref, Repeat, Step

TURNS = 2  # of a loop with a condition, when a test runs it
UNIT = 16  # bytes that a test follows as one


def arena(buffer: int, offset: int = 0, strides: tuple[tuple[int, int], ...] = ()) -> Ref:
    return Ref("arena", buffer, offset, strides)


def call(name: str, reads: Sequence[Ref], writes: Sequence[Ref], inplace: tuple[tuple[int, int], ...] = ()) -> Call:
    """A kernel whose arguments are what it reads, then what it writes; its label tells how many it reads."""
    return Call(name, (*reads, *writes), 1, str(len(reads)), 0, inplace)


# -- random programs -------------------------------------------------------------------------------------------
@dataclass
class Writer:
    """Writes random programs: kernels, copies, loops with carries and stacked outputs, branches."""

    rng: Random
    sizes: list[int] = field(default_factory=list)
    made: int = 0
    loops: int = 0

    def buffer(self, size: int = 0) -> int:
        self.sizes.append(size or self.rng.choice([16, 64, 80, 160, 320]))
        return len(self.sizes) - 1

    def view(self, buffer: int) -> Ref:
        """A buffer, or what lies behind some byte of it."""
        size = self.sizes[buffer]
        return arena(buffer, self.rng.choice([0, 0, 0, size // 2 // UNIT * UNIT]))

    def steps(self, known: list[int], depth: int, count: int) -> list[Step]:
        """Some steps that read the known buffers; what they make is known afterwards."""
        found: list[Step] = []
        for _ in range(count):
            kind = self.rng.choice(["call"] * 5 + ["copy"] + ["scan", "repeat", "branch"] * (depth > 0))
            found += getattr(self, kind)(known, depth)
        return found

    def call(self, known: list[int], depth: int) -> list[Step]:
        reads = [self.rng.choice(known) for _ in range(self.rng.randint(0, 3))] if known else []
        writes = [self.buffer(self.sizes[reads[0]] if reads and self.rng.random() < 0.7 else 0)]
        if self.rng.random() < 0.3:
            writes.append(self.buffer())
        views = [self.view(buffer) for buffer in reads]
        pairs = tuple(
            (len(reads) + w, r)
            for w, new in enumerate(writes)
            for r, old in enumerate(reads)
            if self.sizes[new] == self.sizes[old] and self.rng.random() < 0.8
        )
        self.made += 1
        known += writes
        return [call(f"k{self.made}", views, [arena(buffer) for buffer in writes], pairs)]

    def copy(self, known: list[int], depth: int) -> list[Step]:
        if not known:
            return []
        source = self.rng.choice(known)
        target = self.buffer(self.sizes[source])
        known.append(target)
        return [Copy(arena(target), arena(source), self.sizes[source])]

    def carries(self, known: list[int]) -> tuple[list[int], list[Step]]:
        """Buffers that hold what a loop carries, and the steps that fill them first."""
        sources = [self.rng.choice(known) for _ in range(self.rng.randint(1, 2))] if known else []
        buffers = [self.buffer(self.sizes[source]) for source in sources]
        pairs = zip(buffers, sources, strict=True)
        return buffers, [Copy(arena(new), arena(old), self.sizes[old]) for new, old in pairs]

    def turn(self, known: list[int], carries: list[int], depth: int) -> list[Step]:
        """The body of a loop, which ends by moving fresh values to where the next turn reads them."""
        inner = [*known, *carries]
        body = self.steps(inner, depth - 1, self.rng.randint(1, 3))
        fresh = [self.buffer(self.sizes[carry]) for carry in carries]
        for new in fresh:
            self.made += 1
            body.append(call(f"k{self.made}", [arena(self.rng.choice(inner))], [arena(new)]))
        pairs = zip(carries, fresh, strict=True)
        return [*body, *(Copy(arena(old), arena(new), self.sizes[old]) for old, new in pairs)]

    def scan(self, known: list[int], depth: int) -> list[Step]:
        carries, first = self.carries(known)
        loop, self.loops = self.loops, self.loops + 1
        count, chunk = self.rng.randint(1, 3), 32
        stacked = self.buffer(count * chunk)
        body = self.turn(known, carries, depth)
        self.made += 1
        reads = [arena(self.rng.choice(carries))] if carries else []
        body.append(call(f"k{self.made}", reads, [arena(stacked, 0, ((loop, chunk),))]))
        known += [*carries, stacked]
        return [*first, Repeat(loop, tuple(body), count=count, reverse=self.rng.random() < 0.5)]

    def repeat(self, known: list[int], depth: int) -> list[Step]:
        carries, first = self.carries(known)
        loop, self.loops = self.loops, self.loops + 1
        test = self.buffer(UNIT)
        self.made += 1
        head = [call(f"k{self.made}", [arena(self.rng.choice([*known, *carries]))] if known else [], [arena(test)])]
        body = self.turn(known, carries, depth)
        known += carries
        return [*first, Repeat(loop, tuple(body), condition=arena(test), head=tuple(head))]

    def branch(self, known: list[int], depth: int) -> list[Step]:
        if not known:
            return []
        target = self.buffer()
        sides = []
        for _ in range(2):
            inner = list(known)
            steps = self.steps(inner, depth - 1, self.rng.randint(0, 2))
            self.made += 1
            sides.append((*steps, call(f"k{self.made}", [arena(self.rng.choice(inner))], [arena(target)])))
        condition = arena(self.rng.choice(known))
        known.append(target)
        return [Branch(condition, *sides)]


# -- running them ----------------------------------------------------------------------------------------------
class Memory:
    """Runs a program on tags, one for UNIT bytes: what a kernel writes is named by the kernel and by all that it read.

    `sizes` are the bytes of the arguments of each kernel; `branches` chooses the sides of branches.
    """

    def __init__(self, sizes: Mapping[str, Sequence[int]], branches: Random) -> None:
        self.sizes = sizes
        self.branches = branches
        self.tags: dict[tuple[int, int], int] = {}
        self.turns: dict[int, int] = {}

    def units(self, ref: Ref, nbytes: int) -> list[tuple[int, int]]:
        """Return the units of memory at an address."""
        start = ref.offset + sum(self.turns[loop] * step for loop, step in ref.strides)
        return [(ref.index, at) for at in range(start // UNIT, -(-(start + nbytes) // UNIT))]

    def read(self, ref: Ref, nbytes: int) -> list[int]:
        return [self.tags.get(unit, 0) for unit in self.units(ref, nbytes)]

    def run(self, steps: Sequence[Step]) -> Iterator[object]:
        """Yield what every kernel and condition reads."""
        for step in steps:
            if isinstance(step, Call):
                yield self.kernel(step, self.sizes[step.kernel])
            elif isinstance(step, Copy):
                places = self.units(step.target, step.nbytes)
                self.tags.update(zip(places, self.read(step.source, step.nbytes), strict=True))
            elif isinstance(step, Branch):
                yield self.read(step.condition, 1)
                yield from self.run(step.then if self.branches.random() < 0.5 else step.other)
            else:
                yield from self.loop(step)

    def loop(self, step: Repeat) -> Iterator[object]:
        turns = range(step.count or TURNS)
        for turn in reversed(turns) if step.reverse else turns:
            self.turns[step.loop] = turn
            yield from self.test(step)
            yield from self.run(step.body)
        yield from self.test(step)

    def test(self, step: Repeat) -> Iterator[object]:
        yield from self.run(step.head)
        if step.condition:
            yield self.read(step.condition, 1)

    def kernel(self, step: Call, sizes: Sequence[int]) -> object:
        count = int(step.label)
        places = [self.units(ref, size) for ref, size in zip(step.args, sizes, strict=True)]
        for w in range(count, len(places)):
            others = [i for i in range(len(places)) if i != w and (w, i) not in step.inplace]
            taken = {unit for i in others for unit in places[i]}
            assert not taken.intersection(places[w]), step
        seen = hash(tuple(self.tags.get(unit, 0) for place in places[:count] for unit in place))
        for w, place in enumerate(places[count:]):
            self.tags.update({unit: hash((step.kernel, w, seen, i)) for i, unit in enumerate(place)})
        return step.kernel, seen


def sizes_of(steps: Sequence[Step], sizes: Sequence[int]) -> dict[str, list[int]]:
    """Return the bytes of each kernel's arguments: all that lies behind an address, a chunk of a stacked output."""
    return {
        step.kernel: [ref.strides[0][1] if ref.strides else sizes[ref.index] - ref.offset for ref in step.args]
        for step in calls_of(steps)
    }


def trace(steps: Sequence[Step], sizes: Mapping[str, Sequence[int]], choice: int) -> list[object]:
    return list(Memory(sizes, Random(choice)).run(steps))


def random_program(seed: int) -> tuple[list[Step], list[int]]:
    writer = Writer(Random(seed))
    return writer.steps([], 2, 8), writer.sizes


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_sharing_bytes_changes_nothing(first):
    for seed in range(first, first + 50):
        steps, buffers = random_program(seed)
        planned, total = plan(steps, buffers)
        sizes = sizes_of(steps, buffers)
        for choice in range(2):
            assert trace(steps, sizes, choice) == trace(planned, sizes, choice), seed
        for step in calls_of(planned):
            ends = [ref.offset + size for ref, size in zip(step.args, sizes[step.kernel], strict=True)]
            assert {ref.index for ref in step.args} <= {0}
            assert max(ends) <= total


def test_random_programs_share_a_lot():
    shared = separate = 0
    for seed in range(100):
        steps, sizes = random_program(seed)
        shared, separate = shared + plan(steps, sizes)[1], separate + sum(sizes)
    assert shared < separate / 2


# -- what is shared, and what is not ---------------------------------------------------------------------------
def chain(*inplace: tuple[int, int]) -> list[Step]:
    """Input -> 0 -> 1 -> 2 -> output."""
    ends = [Ref("input"), arena(0), arena(1), arena(2), Ref("output")]
    return [call(f"k{i}", [ends[i]], [ends[i + 1]], inplace) for i in range(4)]


def test_a_chain_of_kernels_in_place_needs_one_buffer():
    planned, total = plan(chain((1, 0)), [1000, 1000, 1000])
    assert total == 1024
    assert [ref.offset for step in calls_of(planned) for ref in step.args if ref.space == "arena"] == [0] * 6


def test_a_chain_of_kernels_needs_two_buffers():
    assert plan(chain(), [1000, 1000, 1000])[1] == 2048


def test_addresses_of_inputs_outputs_and_constants_stay():
    step = call("k", [Ref("input", 1), Ref("constant", 2, 64)], [Ref("output", 3), Ref("status")])
    assert plan([step], []) == ((step,), 0)


@pytest.mark.parametrize(
    ("reason", "second", "sizes", "rest"),
    [
        ("it is read later", call("b", [arena(0)], [arena(1)], ((1, 0),)), [64, 64], [arena(0)]),
        ("it is read twice", call("b", [arena(0), arena(0)], [arena(1)], ((2, 0), (2, 1))), [64, 64], []),
        ("a part of it is read, too", call("b", [arena(0), arena(0, 8)], [arena(1)], ((2, 0),)), [64, 64], []),
        ("it is too small", call("b", [arena(0)], [arena(1)], ((1, 0),)), [64, 128], []),
        ("only a part of it is read", call("b", [arena(0, 8)], [arena(1)], ((1, 0),)), [64, 64], []),
        ("the kernel does not allow it", call("b", [arena(0)], [arena(1)]), [64, 64], []),
    ],
)
def test_an_output_takes_no_place_of_an_input_where(reason, second, sizes, rest):
    steps = [call("a", [Ref("input")], [arena(0)]), second, call("c", [arena(1), *rest], [Ref("output")])]
    planned, total = plan(steps, sizes)
    assert total == sum(sizes)
    assert planned[1].args[0].offset - second.args[0].offset != planned[1].args[-1].offset


def test_an_input_that_a_later_turn_reads_is_kept():
    body = call("b", [arena(0)], [arena(1)], ((1, 0),))
    use = call("c", [arena(1)], [Ref("output")])
    steps = [call("a", [], [arena(0)]), Repeat(0, (body, use), count=2)]
    assert plan(steps, [64, 64])[1] == 128


def test_what_one_turn_makes_for_itself_is_shared_within_the_turn():
    body = (call("a", [], [arena(0)]), call("b", [arena(0)], [arena(1)], ((1, 0),)), call("c", [arena(1)], []))
    assert plan([Repeat(0, body, count=2)], [64, 64])[1] == 64


def test_the_two_sides_of_a_branch_share_bytes():
    sides = [(call(f"a{i}", [], [arena(i)]), call(f"b{i}", [arena(i)], [Ref("output")])) for i in (1, 2)]
    steps = [call("c", [], [arena(0)]), Branch(arena(0), *sides)]
    assert plan(steps, [64, 640, 640])[1] <= 704


def test_a_condition_is_alive_from_one_test_to_the_next():
    head = (call("test", [Ref("input")], [arena(0)]),)
    body = (call("a", [], [arena(1)]), call("b", [arena(1)], [Ref("output")]))
    assert plan([Repeat(0, body, condition=arena(0), head=head)], [1, 64])[1] == 128


def test_large_buffers_are_placed_first_and_small_ones_in_the_gaps():
    steps = [
        call("a", [], [arena(0), arena(1)]),
        call("b", [arena(0)], [arena(2)]),
        call("c", [arena(1), arena(2)], [arena(3)]),
        call("d", [arena(2), arena(3)], [Ref("output")]),
    ]
    assert plan(steps, [64, 1024, 64, 1024])[1] == 1024 + 1024 + 64


def test_empty_buffers_and_empty_programs_take_no_bytes():
    assert plan([], []) == ((), 0)
    assert plan([call("a", [], [arena(0)])], [0])[1] == 0


def test_every_address_of_a_step_is_rewritten():
    inner = call("k", [arena(1)], [arena(2)])
    step = Repeat(0, (Branch(arena(3), (inner,), (Copy(arena(4), arena(5), 8),)),), condition=arena(6), head=(inner,))
    seen: list[int] = []
    rewritten = rewrite(step, lambda ref: seen.append(ref.index) or ref)
    assert rewritten == step
    assert sorted(seen) == [1, 1, 2, 2, 3, 4, 5, 6]
