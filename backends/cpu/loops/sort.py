"""Writes argsort: rows of words, each a key above its position, sorted as unsigned numbers.

In: the node and its operands. Out: a `Recipe`, with scratch rows of words. No two words are equal, so that any way to
sort them is stable. Blocks of eight are sorted by rank, then merged bottom-up (Knuth, The Art of Computer Programming
3, 5.2.4), two runs of one length from both ends at once, which needs no test of where a run ends (van den Hoven's
quadsort, 2020). The first few alone are picked by insertion.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from aicomp.expr import Expr, arg, bitcast, cast, const, not_equal, select, shr
from aicomp.ir import Node
from aicomp.types import BOOL, INT32, INT64, UINT32, UINT64, DType, compute_dtype, is_float

from ..codegen import scalar
from ..codegen.casts import memory_type
from ..codegen.llvm import Function, Index, V, constant, i64, vector
from ..machine import Machine
from ..recipe import Operand, Part, Recipe
from .emit import PARAMS, digits

BLOCK = 8  # words that are sorted by rank
FEW = 16  # words that are picked by insertion: of n, in at most FEW * n steps


def lower_argsort(node: Node, operands: tuple[Operand, ...], machine: Machine, name: str) -> Recipe:
    """Return the recipe of an argsort: a task a row."""
    (x,) = node.inputs
    axis = node.attrs["axis"]
    n, inner, count = x.shape[axis], prod(x.shape[axis + 1 :]), node.outputs[0].shape[axis]
    rows = x.type.size // max(n, 1)
    few = count <= FEW < n
    length = count if few else -(-n // BLOCK) * BLOCK
    f = Function(name, PARAMS)
    args, begin, end = f.args
    source, target, *spaces = (f.load("ptr", f.gep("ptr", args, slot)) for slot in range(3 if few else 4))
    words = Words(f, machine, x.dtype, node.attrs["descending"], source, inner)
    with f.loop(begin, end) as task:
        outer, column = digits(f, task.index, (max(rows // max(inner, 1), 1), inner))
        first = f.add(f.mul(outer, n * inner), column)
        places = [f.gep(words.type, space, f.mul(task.index, length)) for space in spaces]
        ordered = pick(words, first, n, count, places[0]) if few else sort(words, first, n, *places)
        out = f.add(f.mul(outer, count * inner), column)
        with f.loop(0, count) as i:
            value = words.position(f.load(words.type, f.gep(words.type, ordered, i.index)))
            f.store(value, f.gep("i64", target, f.add(out, f.mul(i.index, inner))))
    f.ret()
    scratch = (rows * length * words.bits // 8,) * len(spaces)
    slots = (*operands, Operand("output"), *(Operand("scratch", i) for i in range(len(spaces))))
    return Recipe((Part(f, slots, rows),), scratch)


def key(x: Expr, descending: bool) -> Expr:
    """Return an unsigned number in the order of x: of 32 bits, or 64. -0.0 is 0.0, NaN above everything."""
    wide = cast(x, compute_dtype(x.dtype))
    signed, unsigned = (INT64, UINT64) if wide.dtype.itemsize == 8 else (INT32, UINT32)
    top = -(1 << (signed.itemsize * 8 - 1))
    if is_float(wide.dtype):
        bits = bitcast(wide + 0.0, signed)  # the sum of -0.0 and 0.0 is 0.0
        number = select(not_equal(wide, wide), const(-1, signed), bits ^ (shr(bits, signed.itemsize * 8 - 1) | top))
    elif x.dtype.kind == "i":
        number = cast(x, signed) ^ top
    else:
        number = cast(x, unsigned)
    result = bitcast(number, unsigned)
    return ~result if descending else result


@dataclass(frozen=True)
class Words:
    """The words of elements `first + i * step` of `pointer`: the key of element i in the upper half, i in the lower."""

    f: Function
    machine: Machine
    dtype: DType
    descending: bool
    pointer: V
    step: int

    @property
    def bits(self) -> int:
        """Return the size of a word."""
        return 128 if self.dtype != BOOL and compute_dtype(self.dtype).itemsize == 8 else 64

    @property
    def type(self) -> str:
        """Return the LLVM type of a word."""
        return f"i{self.bits}"

    @property
    def last(self) -> V:
        """Return a word above all words."""
        return constant(self.type, -1)

    def at(self, first: V, i: V) -> V:
        """Return the word of element i."""
        f, half = self.f, self.bits // 2
        place = f.gep(memory_type(self.dtype), self.pointer, f.add(first, f.mul(i, self.step)))
        number = scalar.emit(f, self.machine, key(arg(0, self.dtype), self.descending), [
            scalar.load(f, self.dtype, place)
        ])  # fmt: skip
        shifted = f.binary("shl", f.convert("zext", number, self.type), constant(self.type, half))
        return f.binary("or", shifted, f.convert("zext", i, self.type) if self.bits > 64 else i)

    def position(self, word: V) -> V:
        """Return the position in a word."""
        low = self.f.convert("trunc", word, "i64") if self.bits > 64 else word
        return low if self.bits > 64 else self.f.binary("and", low, i64((1 << 32) - 1))

    def load(self, base: V, i: Index) -> V:
        """Return the word at base[i]."""
        return self.f.load(self.type, self.f.gep(self.type, base, i))

    def store(self, word: V, base: V, i: Index) -> None:
        """Write the word at base[i]."""
        self.f.store(word, self.f.gep(self.type, base, i))

    def least(self, a: V, b: V) -> V:
        """Return the smaller word."""
        return self.f.call(f"llvm.umin.{self.type}", self.type, [a, b])

    def largest(self, a: V, b: V) -> V:
        """Return the larger word."""
        return self.f.call(f"llvm.umax.{self.type}", self.type, [a, b])


def pick(words: Words, first: V, n: int, count: int, best: V) -> V:
    """Write the `count` smallest of n words, in order, to `best`; return it."""
    f = words.f
    with f.loop(0, count) as i:
        words.store(words.last, best, i.index)
    with f.loop(0, n) as i:
        word = words.at(first, i.index)
        with (
            f.if_(f.icmp("ult", word, words.load(best, count - 1))),
            f.loop(0, count, carry=(word,), at_least_once=True) as place,
        ):
            there = words.load(best, place.index)
            words.store(words.least(there, place.carry[0]), best, place.index)
            place.next = (words.largest(there, place.carry[0]),)
    return best


def sort(words: Words, first: V, n: int, here: V, there: V) -> V:
    """Write n words in order to one of two places, each as long as whole blocks; return which."""
    f = words.f
    padded = -(-n // BLOCK) * BLOCK
    with f.loop(0, n) as i:
        words.store(words.at(first, i.index), here, i.index)
    with f.loop(n, padded) as i:
        words.store(words.last, here, i.index)
    with f.loop(0, padded, BLOCK) as block:
        rank(words, f.gep(words.type, here, block.index), f.gep(words.type, there, block.index))
    passes = max((padded // BLOCK) - 1, 0).bit_length()
    with f.loop(0, passes, carry=(there, here)) as turn:
        source, target = turn.carry
        width = f.binary("shl", i64(BLOCK), turn.index)
        pair = f.mul(width, 2)
        paired = f.mul(f.binary("udiv", i64(n), pair), pair)
        with f.loop(0, paired, pair) as run:
            merge_equal(words, source, target, run.index, width)
        merge(words, source, target, paired, _least(f, f.add(paired, width), n), i64(n))
        turn.next = (target, source)
    return turn.results[0]


def rank(words: Words, source: V, target: V) -> None:
    """Write a block in order: each word goes where as many stand before it as are smaller."""
    f = words.f
    block = f.load(vector(words.type, BLOCK), source)
    for lane in range(BLOCK):
        word = f.extract(block, lane)
        below = f.convert("bitcast", f.icmp("ult", block, f.splat(word, BLOCK)), f"i{BLOCK}")
        words.store(word, target, f.convert("zext", f.call(f"llvm.ctpop.i{BLOCK}", f"i{BLOCK}", [below]), "i64"))


def merge_equal(words: Words, source: V, target: V, start: V, width: V) -> None:
    """Write the merge of two runs of `width` words: the smaller half from the front, the larger from the back."""
    f = words.f
    middle, stop = f.add(start, width), f.add(start, f.mul(width, 2))
    ends = start, middle, f.sub(middle, 1), f.sub(stop, 1)
    with f.loop(0, width, carry=ends, at_least_once=True) as turn:
        a, b, c, d = turn.carry
        x, y = words.load(source, a), words.load(source, b)
        words.store(words.least(x, y), target, f.add(start, turn.index))
        right = f.convert("zext", f.icmp("ult", y, x), "i64")
        front = f.add(a, f.sub(1, right)), f.add(b, right)
        x, y = words.load(source, c), words.load(source, d)
        words.store(words.largest(x, y), target, f.sub(f.sub(stop, 1), turn.index))
        left = f.convert("zext", f.icmp("ult", y, x), "i64")
        turn.next = (*front, f.sub(c, left), f.sub(d, f.sub(1, left)))


def merge(words: Words, source: V, target: V, start: V, middle: V, stop: V) -> None:
    """Write the merge of the runs [start, middle) and [middle, stop)."""
    f = words.f
    with f.loop(start, stop, carry=(start, middle)) as out:
        i, j = out.carry
        left, right = f.icmp("slt", i, middle), f.icmp("slt", j, stop)
        a = f.select(left, words.load(source, f.select(left, i, start)), words.last)
        b = f.select(right, words.load(source, f.select(right, j, start)), words.last)
        words.store(words.least(a, b), target, out.index)
        moved = f.convert("zext", f.icmp("ult", b, a), "i64")
        out.next = (f.add(i, f.sub(1, moved)), f.add(j, moved))


def _least(f: Function, a: Index, b: Index) -> V:
    return f.call("llvm.smin.i64", "i64", [i64(a), i64(b)])
