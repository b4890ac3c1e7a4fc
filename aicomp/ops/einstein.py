"""Einstein summation as a composite: any number of operands, ellipses, diagonals, implicit output.

In: tensors of one dtype and an equation. Out: pairwise contractions (matmul where there is a matrix product, else
products and sums), the pair with the smallest result first.

    einsum(q, k, equation="bhld,bhsd->bhls")
    einsum(x, equation="...ii")                    # traces
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import Any

from ..errors import GraphError
from . import movement as mv
from .base import same_dtype
from .composite import composite
from .labelled import Label, Labelled, contract, take_diagonal
from .symbol import Symbol

Labels = tuple[Label, ...]
ELLIPSIS = "..."


@composite
def einsum(*xs: Symbol, equation: str) -> Any:
    """Sums of products over labelled axes (NumPy's einsum); axes of size 1 broadcast.

    An ellipsis stands for axes aligned from the last; without `->`, labels that occur once are kept, in alphabetical
    order, after the ellipsis. Raises GraphError on an equation that does not fit the operands.
    """
    same_dtype([x.value.type for x in xs])
    inputs, output = parse(equation, [x.ndim for x in xs])
    terms = [_without_repeats(x, labels) for x, labels in zip(xs, inputs, strict=True)]
    sizes = label_sizes(terms)
    terms = [_without_ones(term, sizes) for term in terms]
    while len(terms) > 1:
        terms = _contract_best(terms, output, sizes)
    return terms[0].summed(output).arranged(output)


def parse(equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """Return the labels of each operand and of the output; an ellipsis becomes the labels ... -3, -2, -1."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    if len(texts) != len(ranks):
        raise GraphError(f"equation {equation!r} has {len(texts)} operands, got {len(ranks)}")
    inputs = [_operand_labels(text, rank) for text, rank in zip(texts, ranks, strict=True)]
    widest = max(sum(isinstance(label, int) for label in labels) for labels in inputs)
    letters = [label for labels in inputs for label in labels if isinstance(label, str)]
    implicit = ELLIPSIS + "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    output = _expand(right if arrow else implicit, widest)
    for label in output:
        if output.count(label) > 1 or not any(label in labels for labels in inputs):
            raise GraphError(f"label {label!r} of the output of {equation!r} must occur once, and in an operand")
    return inputs, output


def _operand_labels(text: str, rank: int) -> Labels:
    letters = len(text.replace(ELLIPSIS, "", 1))
    if letters > rank or (letters < rank and ELLIPSIS not in text):
        raise GraphError(f"{text!r} labels {letters} axes of an operand that has {rank}")
    return _expand(text, rank - letters)


def _expand(text: str, count: int) -> Labels:
    """Return the labels of one side, its ellipsis as `count` numbers up to -1."""
    before, dots, after = text.partition(ELLIPSIS)
    for letter in before + after:
        if not letter.isascii() or not letter.isalpha():
            raise GraphError(f"{letter!r} in {text!r} is not a label; labels are letters")
    return (*before, *(range(-count, 0) if dots else ()), *after)


def _without_repeats(x: Symbol, labels: Labels) -> Labelled:
    """Return an operand with each repeated label's axes replaced by their diagonal."""
    for label in labels:
        if labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                sizes = f"{x.shape[first]} and {x.shape[second]}"
                raise GraphError(f"label {label!r} names axes of sizes {sizes} of one operand")
            rest = tuple(other for axis, other in enumerate(labels) if axis not in (first, second))
            return _without_repeats(take_diagonal(x, first, second), (*rest, label))
    return Labelled(x, labels)


def label_sizes(terms: Sequence[Labelled]) -> dict[Label, int]:
    """Return the size of each label, 1 giving way to any other. Raises GraphError where two differ."""
    sizes: dict[Label, int] = {}
    for term in terms:
        for label, size in zip(term.labels, term.x.shape, strict=True):
            known = sizes.get(label, 1)
            if size != known and 1 not in (size, known):
                raise GraphError(f"label {label!r} has size {known} in one operand and {size} in another")
            sizes[label] = size if known == 1 else known
    return sizes


def _without_ones(term: Labelled, sizes: dict[Label, int]) -> Labelled:
    """Return an operand without the axes of size 1 that broadcast: a product ignores them."""
    pairs = list(zip(term.labels, term.x.shape, strict=True))
    kept = [(label, size) for label, size in pairs if size == sizes[label]]
    if len(kept) == len(pairs):
        return term
    return Labelled(mv.reshape(term.x, shape=tuple(size for _, size in kept)), [label for label, _ in kept])


def _contract_best(terms: Sequence[Labelled], output: Labels, sizes: dict[Label, int]) -> list[Labelled]:
    """Return the terms with one pair contracted: the pair whose result has the fewest elements."""

    def kept(pair: Sequence[Labelled]) -> Labels:
        others = {label for term in terms if term not in pair for label in term.labels}
        labels = dict.fromkeys((*pair[0].labels, *pair[1].labels))
        ordered = [label for label in output if label in labels]
        return (*(label for label in labels if label in others and label not in output), *ordered)

    a, b = min(combinations(terms, 2), key=lambda pair: prod(sizes[label] for label in kept(pair)))
    return [*(term for term in terms if term is not a and term is not b), contract(a, b, kept((a, b)))]
