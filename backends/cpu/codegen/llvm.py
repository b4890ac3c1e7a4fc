"""Writes LLVM assembly text: one `Function` at a time, straight to SSA form, with no optimiser behind it.

In: calls such as `f.fadd(a, b)`. Out: `str(f)`, the text of one LLVM function. Values are `V(ref, type)`; loops carry
their accumulators as phi nodes, so that code generation needs no mem2reg.

    f = Function("axpy", [("ptr", "x"), ("ptr", "y"), ("i64", "n")])
    x, y, n = f.args
    with f.loop(0, n) as loop:
        p = f.gep("float", y, loop.index)
        f.store(f.fadd(f.load("float", p), f.load("float", f.gep("float", x, loop.index))), p)
    f.ret()
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple


class V(NamedTuple):
    """A typed LLVM operand: `ref` is `%name`, `@name` or a literal; `type` an LLVM type."""

    ref: str
    type: str

    def __str__(self) -> str:
        return f"{self.type} {self.ref}"

    @property
    def lanes(self) -> int:
        """Return the vector length, 1 for a scalar."""
        return lanes_of(self.type)

    @property
    def element(self) -> str:
        """Return the scalar type of a lane."""
        return element_of(self.type)


Index = V | int


def vector(element: str, lanes: int) -> str:
    """Return the LLVM type of `lanes` values of `element`; the scalar itself for one lane."""
    return element if lanes == 1 else f"<{lanes} x {element}>"


def lanes_of(type_: str) -> int:
    """Return the number of lanes of an LLVM type."""
    return int(type_[1 : type_.index(" ")]) if type_[0] == "<" else 1


def element_of(type_: str) -> str:
    """Return the scalar type inside an LLVM vector type, or the type itself."""
    return type_[type_.index("x ") + 2 : -1] if type_[0] == "<" else type_


def i64(value: Index) -> V:
    """Return an i64 operand."""
    return value if isinstance(value, V) else V(str(value), "i64")


def constant(type_: str, value: float | int | bool) -> V:
    """Return a literal of a scalar or vector type (splat); floats are written as exact hexadecimal."""
    element = element_of(type_)
    if element in ("float", "double"):
        single = struct.unpack("f", struct.pack("f", value))[0] if element == "float" else value
        text = f"0x{struct.unpack('<Q', struct.pack('<d', single))[0]:016X}"
    else:
        text = str(int(value))
    lanes = lanes_of(type_)
    return V(text if lanes == 1 else "splat (" + f"{element} {text})", type_)


def first_lanes(count: int, lanes: int) -> V:
    """Return the constant mask of the first `count` lanes."""
    return V(f"<{', '.join(f'i1 {int(lane < count)}' for lane in range(lanes))}>", vector("i1", lanes))


@dataclass
class Loop:
    """A loop being written: `index`, the `carry` values at the top; set `next` before the end; `results` after it."""

    index: V
    carry: tuple[V, ...]
    next: tuple[V, ...] = ()
    results: tuple[V, ...] = ()


@dataclass
class Function:
    """The text of one LLVM function, written front to back."""

    name: str
    params: Sequence[tuple[str, str]]
    returns: str = "void"
    attributes: str = "nounwind"
    linkage: str = ""
    lines: list[str] = field(default_factory=list)
    declarations: set[str] = field(default_factory=set)
    helpers: dict[str, Function] = field(default_factory=dict)  # private functions it calls, by name
    count: int = 0
    block: str = "entry"
    locals: list[str] = field(default_factory=list)  # stack memory, reserved at the entry

    @property
    def args(self) -> list[V]:
        """Return the parameters as operands."""
        return [V(f"%{name}", type_.split()[0]) for type_, name in self.params]

    def __str__(self) -> str:
        params = ", ".join(f"{type_} %{name}" for type_, name in self.params)
        head = f"define {self.linkage} {self.returns} @{self.name}({params}) {self.attributes} {{\nentry:"
        return "\n".join([head, *self.locals, *self.lines, "}"])

    # -- one instruction ---------------------------------------------------------------------------
    def ins(self, text: str, type_: str) -> V:
        """Append `%n = text` and return the result as an operand of `type_`."""
        self.count += 1
        ref = f"%v{self.count}"
        self.lines.append(f"  {ref} = {text}")
        return V(ref, type_)

    def do(self, text: str) -> None:
        """Append an instruction without a result."""
        self.lines.append(f"  {text}")

    def binary(self, op: str, a: V, b: V) -> V:
        """Append `op a, b`; both operands have the result's type."""
        return self.ins(f"{op} {a}, {b.ref}", a.type)

    def fadd(self, a: V, b: V) -> V:
        """Return a + b on floats."""
        return self.binary("fadd", a, b)

    def fsub(self, a: V, b: V) -> V:
        """Return a - b on floats."""
        return self.binary("fsub", a, b)

    def fmul(self, a: V, b: V) -> V:
        """Return a * b on floats."""
        return self.binary("fmul", a, b)

    def fdiv(self, a: V, b: V) -> V:
        """Return a / b on floats."""
        return self.binary("fdiv", a, b)

    def fma(self, a: V, b: V, c: V) -> V:
        """Return a * b + c, fused where the target has it (`llvm.fmuladd`)."""
        return self.call(f"llvm.fmuladd.{mangle(a.type)}", a.type, [a, b, c])

    def add(self, a: Index, b: Index) -> V:
        """Return a + b on integers; a literal is i64."""
        return self._integer("add", a, b)

    def sub(self, a: Index, b: Index) -> V:
        """Return a - b on integers; a literal is i64."""
        return self._integer("sub", a, b)

    def mul(self, a: Index, b: Index) -> V:
        """Return a * b on integers; a literal is i64."""
        return self._integer("mul", a, b)

    def _integer(self, op: str, a: Index, b: Index) -> V:
        left, right = i64(a), i64(b)
        if not isinstance(a, V) and not isinstance(b, V):
            return i64({"add": a + b, "sub": a - b, "mul": a * b}[op])
        if (right.ref == "0" and op != "mul") or (right.ref == "1" and op == "mul"):
            return left
        if (left.ref == "0" and op == "add") or (left.ref == "1" and op == "mul"):
            return right
        return self.binary(op, left, right)

    def icmp(self, predicate: str, a: Index, b: Index) -> V:
        """Return the i1 (or vector of i1) comparison of integers or pointers."""
        left, right = i64(a), i64(b)
        return self.ins(f"icmp {predicate} {left}, {right.ref}", vector("i1", left.lanes))

    def fcmp(self, predicate: str, a: V, b: V) -> V:
        """Return the i1 (or vector of i1) comparison of floats."""
        return self.ins(f"fcmp {predicate} {a}, {b.ref}", vector("i1", a.lanes))

    def select(self, condition: V, a: V, b: V) -> V:
        """Return a where the condition holds, else b."""
        return self.ins(f"select {condition}, {a}, {b}", a.type)

    def convert(self, op: str, a: V, type_: str) -> V:
        """Return `op a to type_`: bitcast, sitofp, fptosi, zext, trunc, ..."""
        return a if a.type == type_ and op == "bitcast" else self.ins(f"{op} {a} to {type_}", type_)

    def call(self, name: str, returns: str, args: Sequence[V]) -> V:
        """Call a function declared elsewhere (declared here too) and return its result."""
        self.declare(name, returns, [a.type for a in args])
        return self.ins(f"call {returns} @{name}({', '.join(map(str, args))})", returns)

    def call_void(self, name: str, args: Sequence[V]) -> None:
        """Call a function that returns nothing."""
        self.declare(name, "void", [a.type for a in args])
        self.do(f"call void @{name}({', '.join(map(str, args))})")

    def declare(self, name: str, returns: str, params: Sequence[str]) -> None:
        """Record an external declaration (`module_text` drops those that the module defines)."""
        self.declarations.add(f"declare {returns} @{name}({', '.join(params)})")

    # -- memory ------------------------------------------------------------------------------------
    def alloca(self, element: str, size: int, align: int = 64) -> V:
        """Return stack memory for `size` elements, reserved once, wherever this is called."""
        self.count += 1
        self.locals.append(f"  %v{self.count} = alloca {element}, i64 {size}, align {align}")
        return V(f"%v{self.count}", "ptr")

    def gep(self, element: str, base: V, index: Index) -> V:
        """Return the address of `base[index]`, counted in elements (not `inbounds`)."""
        offset = i64(index)
        return base if offset.ref == "0" else self.ins(f"getelementptr {element}, {base}, {offset}", "ptr")

    def load(self, type_: str, pointer: V, align: int | None = None) -> V:
        """Load a scalar or vector; `align` in bytes, by default that of one element."""
        return self.ins(f"load {type_}, {pointer}, align {align or element_bytes(type_)}", type_)

    def store(self, value: V, pointer: V, align: int | None = None) -> None:
        """Store a scalar or vector; `align` in bytes, by default that of one element."""
        self.do(f"store {value}, {pointer}, align {align or element_bytes(value.type)}")

    def stream(self, value: V, pointer: V) -> None:
        """Store whole cache lines to an address that begins one, past the caches (see `fence`)."""
        self.do(f"store {value}, {pointer}, align 64, !nontemporal !0")

    def fence(self) -> None:
        """Let all that is stored so far be seen by others before what is stored later; streams need it."""
        self.do("fence seq_cst")

    def masked_load(self, type_: str, pointer: V, mask: V, other: V) -> V:
        """Load the lanes where `mask` holds; the others come from `other` and touch no memory."""
        name = f"llvm.masked.load.{mangle(type_)}.p0"
        self.declare(name, type_, ["ptr", mask.type, type_])
        arg = f"ptr align {element_bytes(type_)} {pointer.ref}"
        return self.ins(f"call {type_} @{name}({arg}, {mask}, {other})", type_)

    def masked_store(self, value: V, pointer: V, mask: V) -> None:
        """Store the lanes where `mask` holds."""
        if mask.ref == first_lanes(1, value.lanes).ref:
            # LLVM 22 stores a whole i32 where a masked store of one constant lane follows a truncation to less.
            self.store(self.extract(value, 0), pointer)
            return
        name = f"llvm.masked.store.{mangle(value.type)}.p0"
        self.declare(name, "void", [value.type, "ptr", mask.type])
        arg = f"ptr align {element_bytes(value.type)} {pointer.ref}"
        self.do(f"call void @{name}({value}, {arg}, {mask})")

    def masked_gather(self, type_: str, pointers: V, mask: V) -> V:
        """Load lanes from a vector of addresses where `mask` holds; the others are 0 and touch no memory."""
        name = f"llvm.masked.gather.{mangle(type_)}.{mangle(pointers.type)}"
        self.declare(name, type_, [pointers.type, mask.type, type_])
        arg = f"{pointers.type} align {element_bytes(type_)} {pointers.ref}"
        return self.ins(f"call {type_} @{name}({arg}, {mask}, {type_} zeroinitializer)", type_)

    def masked_scatter(self, value: V, pointers: V, mask: V) -> None:
        """Store lanes to a vector of addresses where `mask` holds, the first lane first."""
        name = f"llvm.masked.scatter.{mangle(value.type)}.{mangle(pointers.type)}"
        self.declare(name, "void", [value.type, pointers.type, mask.type])
        arg = f"{pointers.type} align {element_bytes(value.type)} {pointers.ref}"
        self.do(f"call void @{name}({value}, {arg}, {mask})")

    def prefetch(self, pointer: V, locality: int = 3) -> None:
        """Ask for the cache line at `pointer` (3 = keep in L1, 2 = L2)."""
        self.declare("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
        self.do(f"call void @llvm.prefetch.p0({pointer}, i32 0, i32 {locality}, i32 1)")

    # -- vectors -----------------------------------------------------------------------------------
    def splat(self, a: V, lanes: int) -> V:
        """Return a vector whose lanes all hold the scalar `a`."""
        if lanes == 1:
            return a
        type_ = vector(a.type, lanes)
        if a.ref[0] not in "%@":
            return V(f"splat ({a})", type_)
        one = self.ins(f"insertelement {type_} poison, {a}, i64 0", type_)
        return self.shuffle(one, one, [0] * lanes)

    def shuffle(self, a: V, b: V, order: Sequence[int]) -> V:
        """Return the lanes of (a, b) picked by `order`."""
        mask = ", ".join(f"i32 {i}" for i in order)
        type_ = vector(a.element, len(order))
        return self.ins(f"shufflevector {a}, {b}, <{len(order)} x i32> <{mask}>", type_)

    def extract(self, a: V, lane: int) -> V:
        """Return one lane of a vector."""
        return self.ins(f"extractelement {a}, i64 {lane}", a.element)

    def insert(self, a: V, value: V, lane: int) -> V:
        """Return the vector `a` with one lane replaced."""
        return self.ins(f"insertelement {a}, {value}, i64 {lane}", a.type)

    def steps(self, lanes: int) -> V:
        """Return the i64 vector 0, 1, 2, ..."""
        return V("<" + ", ".join(f"i64 {i}" for i in range(lanes)) + ">", f"<{lanes} x i64>")

    def tail_mask(self, remaining: Index, lanes: int) -> V:
        """Return the mask of the lanes below `remaining` (i64)."""
        if isinstance(remaining, int):
            return first_lanes(remaining, lanes)
        return self.icmp("slt", self.steps(lanes), self.splat(i64(remaining), lanes))

    # -- control -----------------------------------------------------------------------------------
    def label(self, hint: str) -> str:
        """Return a fresh block name."""
        self.count += 1
        return f"{hint}{self.count}"

    def start(self, block: str) -> None:
        """Open a block; the previous one must have been ended."""
        self.lines.append(f"{block}:")
        self.block = block

    def jump(self, block: str) -> None:
        """End the open block with a jump."""
        self.do(f"br label %{block}")

    def branch(self, condition: V, then: str, other: str) -> None:
        """End the open block with a conditional jump."""
        self.do(f"br {condition}, label %{then}, label %{other}")

    def ret(self, value: V | None = None) -> None:
        """End the function."""
        self.do(f"ret {value}" if value else "ret void")

    @contextmanager
    def loop(
        self, start: Index, stop: Index, step: Index = 1, carry: Sequence[V] = (), at_least_once: bool = False
    ) -> Iterator[Loop]:
        """Write `for index in range(start, stop, step)`; `carry` are values handed from one turn to the next.

        With `at_least_once` the first test is left out: the caller knows that the loop runs.
        """
        body, done = self.label("loop"), self.label("done")
        before = self.block
        first = i64(start)
        if not at_least_once:
            self.branch(self.icmp("slt", first, stop), body, done)
        else:
            self.jump(body)
        self.start(body)
        slot = len(self.lines)
        index = V(f"%{body}.i", "i64")
        loop = Loop(index, tuple(V(f"%{body}.c{n}", c.type) for n, c in enumerate(carry)))
        yield loop
        if len(loop.next) != len(carry):
            raise AssertionError(f"loop {body} carries {len(carry)} values, `next` has {len(loop.next)}")
        following = self.add(index, step)
        last = self.block
        self.branch(self.icmp("slt", following, stop), body, done)
        phis = [f"  {index.ref} = phi i64 [ {first.ref}, %{before} ], [ {following.ref}, %{last} ]"]
        for c, init, new in zip(loop.carry, carry, loop.next, strict=True):
            phis.append(f"  {c.ref} = phi {c.type} [ {init.ref}, %{before} ], [ {new.ref}, %{last} ]")
        self.lines[slot:slot] = phis
        self.start(done)
        if at_least_once:
            loop.results = loop.next
            return
        loop.results = tuple(
            self.ins(f"phi {init.type} [ {init.ref}, %{before} ], [ {new.ref}, %{last} ]", init.type)
            for init, new in zip(carry, loop.next, strict=True)
        )

    @contextmanager
    def if_(self, condition: V) -> Iterator[None]:
        """Write the block that runs where the i1 condition holds (no values leave it)."""
        then, done = self.label("then"), self.label("endif")
        self.branch(condition, then, done)
        self.start(then)
        yield
        self.jump(done)
        self.start(done)


def mangle(type_: str) -> str:
    """Return the suffix of an overloaded intrinsic: `<8 x float>` -> `v8f32`."""
    short = {"float": "f32", "double": "f64", "half": "f16", "bfloat": "bf16", "ptr": "p0"}
    element = element_of(type_)
    name = short.get(element, element)
    return name if type_[0] != "<" else f"v{lanes_of(type_)}{name}"


def element_bytes(type_: str) -> int:
    """Return the size in bytes of one lane of a type."""
    element = element_of(type_)
    sizes = {"float": 4, "double": 8, "ptr": 8, "half": 2, "bfloat": 2, "i1": 1}
    return sizes[element] if element in sizes else max(1, int(element[1:]) // 8)
