"""Matrix products and einsum against torch: shapes, dtypes, gradients, errors."""

import numpy as np
import pytest
from twin import check, rand, same_error, torch

import torchlike

SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 4)),
          ((5, 2, 3), (5, 3, 4)), ((2, 1, 2, 3), (5, 3, 4)), ((2, 3), (5, 3, 4)), ((0, 3), (3, 2)), ((2, 0), (0, 3))]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_matmul(a, b):
    check(lambda T, F, x, y: x @ y, rand(*a), rand(*b))


@pytest.mark.parametrize(
    "dtype", ["float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "complex64"]
)
def test_dtypes(dtype):
    a, b = (
        np.random.RandomState(0).randint(0, 5, (2, 4, 6)),
        np.random.RandomState(1).randint(0, 5, (2, 6, 3)),
    )

    def f(T, F, x, y):
        out = x.to(getattr(T, dtype)) @ y.to(getattr(T, dtype))
        assert out.dtype == getattr(T, dtype)
        return T.view_as_real(out) if dtype == "complex64" else out.to(T.float32)

    check(f, a, b)


def test_large_integers_stay_exact():
    a = np.full((2, 3), 2**40 + 1)
    check(lambda T, F, x, y: x @ y, a, np.full((3, 2), 2**21 + 1))


FUSED = {
    "addmm": ((4,), (2, 3), (3, 4)), "addmv": ((2,), (2, 3), (3,)), "addr": ((2, 3), (2,), (3,)),
    "baddbmm": ((2, 1), (5, 2, 3), (5, 3, 4)), "addbmm": ((2, 4), (5, 2, 3), (5, 3, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUSED)
def test_fused(name):
    arrays = [rand(*s) for s in FUSED[name]]
    check(lambda T, F, *x: [getattr(T, name)(*x), getattr(T, name)(*x, beta=0.5, alpha=2)], *arrays)
    whole = [(a * 3).astype(int) for a in arrays]
    check(lambda T, F, *x: getattr(T, name)(*x, beta=2, alpha=3), *whole)


@pytest.mark.parametrize("shape", [(), (4,), (1, 4), (2, 4)])
def test_addbmm_in_place_takes_a_smaller_self(shape):
    def run(T, F, x, a, b):
        y = x * 1
        assert y.addbmm_(a, b, alpha=2) is y
        return y, y._version

    check(run, rand(*shape), rand(5, 2, 3), rand(5, 3, 4))


def test_beta_zero_hides_nan():
    check(
        lambda T, F, c, a, b: T.addmm(c, a, b, beta=0),
        np.full((2, 2), np.nan),
        rand(2, 3),
        rand(3, 2),
        grad=False,
    )


@pytest.mark.filterwarnings("ignore:torch.chain_matmul is deprecated:UserWarning")  # torch's own
def test_products_of_vectors():
    a, b = rand(3), rand(3)
    check(
        lambda T, F, x, y: [T.dot(x, y), T.vdot(x, y), T.outer(x, y), T.inner(x, y), T.linalg.cross(x, y)],
        a,
        b,
    )
    check(
        lambda T, F, x, y: [
            T.kron(x, y),
            T.inner(x, y),
            T.tensordot(x, y, ([1], [1])),
            T.tensordot(x, y.mT, 1),
        ],
        rand(2, 3),
        rand(4, 3),
    )
    check(lambda T, F, x, y: [T.mm(x, y), T.chain_matmul(x, y, x), T.mv(x, y[:, 0])], rand(2, 3), rand(3, 2))


EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("bij,bjk", (2, 3, 4), (2, 4, 5)), ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("i,j->ij", (2,), (3,)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ij->ji", (2, 3)), ("ijk->j", (2, 3, 4)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), ("i...,i->...", (3, 2, 2), (3,)),
    (" a b , b -> a ", (2, 3), (3,)), ("Aa,a->A", (2, 3), (3,)), ("ij,ij->i", (2, 3), (1, 3)),
]  # fmt: skip


@pytest.mark.parametrize("case", EINSUMS, ids=lambda c: c[0])
def test_einsum(case):
    check(lambda T, F, *x: T.einsum(case[0], *x), *[rand(*s) for s in case[1:]])


def test_einsum_with_sublists():
    check(
        lambda T, F, a, b: [T.einsum(a, [0, 1], b, [1, 2], [0, 2]), T.einsum(a, [..., 1], b, [1, 0])],
        rand(2, 3),
        rand(3, 4),
    )


ERRORS = {
    "matmul": lambda T, F, a: a @ a,
    "mm ndim": lambda T, F, a: T.mm(a[0], a),
    "bmm": lambda T, F, a: T.bmm(a, a),
    "bmm sizes": lambda T, F, a: T.bmm(a[None], a[None]),
    "batched": lambda T, F, a: a[None] @ a[None],
    "mv": lambda T, F, a: T.mv(a, a[:, 0]),
    "dot": lambda T, F, a: T.dot(a[0], a[:, 0]),
    "dtype": lambda T, F, a: a @ a.mT.float(),
    "addmm": lambda T, F, a: T.addmm(a, a, a),
    "einsum labels": lambda T, F, a: T.einsum("ijk->i", a),
    "einsum output": lambda T, F, a: T.einsum("ij->k", a),
    "einsum operands": lambda T, F, a: T.einsum("ij,jk", a),
    "zero dimensions": lambda T, F, a: T.matmul(a[0, 0], a),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name], rand(2, 3))


def test_operator_names():
    assert torch.mm.__name__ == torchlike.mm.__name__
