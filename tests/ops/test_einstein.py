"""Einstein summation against NumPy's."""

import numpy as np
import pytest
from recorded import names, normal, primitives, tensor

from aicomp import ops
from aicomp.errors import AicompError

SIZES = {"b": 2, "h": 3, "i": 4, "j": 5, "k": 6, "l": 1, "z": 0}
EQUATIONS = [
    "i->", "i->i", "ij->ji", "ij->", "ij->j", "bij->bji", "ii->i", "ii->", "ii", "iij->ij", "iii->i", "jiji->ij",
    "i,i->", "i,i->i", "i,j->ij", "i,j->ji", "i,->i", ",->", "ij,ij->", "ij,ij->i", "ij,ij->ij",
    "ij,j->i", "ij,jk->ik", "ij,jk->ki", "ji,jk->ik", "ji,kj->ik", "ij,jk", "ba,ab", "ij,kl->jl",
    "bij,bjk->bik", "bij,bjk->bki", "bhid,bhjd->bhij", "bij,jk->bik", "bij,bj->bi", "bij,bij->b", "ij,kl->ijkl",
    "ij,jk,kh->ih", "i,ij,j->", "bi,bj,bk->bijk", "ij,jk,kb,bh->ih", "ii,i->i", "iij,j->i",
    "il,lj->ij", "iz,zj->ij", "zi,ij->zj", "bz->b",
]  # fmt: skip


def operands(equation):
    texts = equation.replace(" ", "").split("->")[0].split(",")
    return [normal(*(SIZES.get(label, 4) for label in text)) for text in texts]


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation):
    xs = operands(equation)
    expected = np.einsum(equation, *(x.astype(np.float64) for x in xs))
    assert np.allclose(ops.einsum(*xs, equation=equation), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("...ij,...jk->...ik", [(2, 3, 4, 5), (3, 5, 6)]),
        ("...i,i", [(2, 3, 4), (4,)]),
        ("i...->...i", [(2, 3, 4)]),
        ("...ii->...i", [(2, 3, 3)]),
        ("i...j,j->i...", [(2, 3, 4, 5), (5,)]),
        ("...,...", [(2, 1, 3), (4, 1)]),
        ("ij,jk->ik", [(2, 1), (3, 4)]),
        ("bij,bjk->bik", [(1, 2, 3), (4, 3, 5)]),
        (" ij , jk -> ik ", [(2, 3), (3, 4)]),
    ],
)
def test_ellipsis_and_broadcasting(equation, shapes):
    xs = [normal(*shape) for shape in shapes]
    assert np.allclose(ops.einsum(*xs, equation=equation), np.einsum(equation, *xs), atol=1e-5)


def test_an_ellipsis_that_the_output_omits_is_summed():
    x = normal(2, 3, 4)
    assert np.allclose(ops.einsum(x, equation="...i->i"), x.sum((0, 1)), atol=1e-5)


@pytest.mark.parametrize(
    ("equation", "shapes", "words"),
    [
        ("ij,jk->ik", [(2, 3)], "2 operands, got 1"),
        ("ij", [(2,)], "labels 2 axes"),
        ("i", [(2, 3)], "labels 1 axes"),
        ("ij->k", [(2, 3)], "'k' of the output"),
        ("ij->ii", [(2, 3)], "'i' of the output"),
        ("ij,jk", [(2, 3), (4, 5)], "'j' has size 3 in one operand and 4"),
        ("ii", [(2, 3)], "sizes 2 and 3"),
        ("i.j", [(2, 3, 4)], "not a label"),
        ("i->i->i", [(2,)], "not a label"),
    ],
)
def test_errors(equation, shapes, words):
    with pytest.raises(AicompError, match=words):
        ops.einsum(*(normal(*shape) for shape in shapes), equation=equation)


def test_mixed_dtypes_are_refused():
    with pytest.raises(AicompError, match="one dtype"):
        ops.einsum(np.ones(2, np.float32), np.ones(2), equation="i,i")


@pytest.mark.parametrize("equation", ["ij,jk->ik", "ji,jk->ik", "ij,kj->ki"])
def test_a_product_of_matrices_is_one_matmul_and_its_result_stays_as_it_is(equation):
    found = names(ops.einsum(tensor(4, 4), tensor(4, 4), equation=equation))
    assert "sum" not in found
    assert "transpose" not in found[found.index("matmul") :]


def test_the_pair_with_the_smallest_result_comes_first():
    result = ops.einsum(tensor(50, 50), tensor(50, 50), tensor(50), equation="ij,jk,k->i")
    products = [node for node in primitives(result) if node.op.name == "matmul"]
    assert [node.outputs[0].type.size for node in products] == [50, 50]
