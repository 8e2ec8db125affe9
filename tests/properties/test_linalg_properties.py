"""Products, einsum and decompositions. Of decompositions what is unique is compared: values, or what the factors make."""

from dataclasses import replace

from driver import ALL, COMPLEX, FLOATS, Call, Draw, extra, holds

EXACT = ("float32", "float64", "complex64", "complex128")
SMALL = (0, 1, 1, 2, 3, 4)


def batch(d: Draw):
    return d.pick(((), (), (), (2,), (1,), (0,), (2, 1), (1, 3)))


def mixed(d: Draw, dtype):
    """The dtype, now and then another."""
    return d.pick(FLOATS) if d.chance(4) else dtype


def matmul(d: Draw):
    """Vectors, matrices and batches, whose inner sizes mostly fit. (Of batches PyTorch's error depends on strides.)"""
    n, m, k = (d.pick(SMALL) for _ in range(3))
    dtype = d.dtype()
    if d.chance(4):
        return d.tensor((n, k), dtype), d.tensor((k + 1, m), dtype)
    a = (k,) if d.chance(20) else (*batch(d), n, k)
    b = (k,) if d.chance(20) else (*batch(d), k, m)
    return d.tensor(a, dtype), d.tensor(b if d.chance(98) else (), mixed(d, dtype))


def pair(d: Draw):
    n, m, k = (d.pick(SMALL) for _ in range(3))
    dtype = d.dtype()
    return d.tensor((n, k), dtype), d.tensor((k, m) if d.chance(93) else d.shape(1, 3), mixed(d, dtype))


def batches(d: Draw):
    n, m, k, b = (d.pick(SMALL) for _ in range(4))
    dtype = d.dtype()
    return d.tensor((b, n, k), dtype), d.tensor((b if d.chance(95) else b + 1, k, m), mixed(d, dtype))


def vectors(d: Draw):
    n, dtype = d.pick(SMALL), d.dtype()
    return d.tensor((n,), dtype), d.tensor((n,) if d.chance(93) else d.shape(0, 2), mixed(d, dtype))


def outer(d: Draw):
    dtype = d.dtype()
    return d.tensor((d.pick(SMALL),), dtype), d.tensor(
        (d.pick(SMALL),) if d.chance(95) else (1, 2), mixed(d, dtype)
    )


def matrix_vector(d: Draw):
    n, m, dtype = d.pick(SMALL), d.pick(SMALL), d.dtype()
    return d.tensor((n, m), dtype), d.tensor((m,) if d.chance(95) else (m + 1,), mixed(d, dtype))


def scale(d: Draw, dtype: str):
    """A factor that the dtype takes."""
    return d.pick((0, 1, 2, -1)) if dtype not in FLOATS and dtype not in COMPLEX else d.pick((0, 1, 2, 0.5))


def added(d: Draw):
    """addmm and its like, with beta and alpha."""
    name = d.pick(("addmm", "addmv", "addbmm", "baddbmm", "addr"))
    n, m, k, b = (d.pick(SMALL) for _ in range(4))
    dtype = d.dtype([t for t in ALL if t != "bool"])
    shapes = {
        "addmm": ((n, m), (n, k), (k, m)), "addmv": ((n,), (n, m), (m,)), "addbmm": ((n, m), (b, n, k), (b, k, m)),
        "baddbmm": ((b, n, m), (b, n, k), (b, k, m)), "addr": ((n, m), (n,), (m,)),
    }[name]  # fmt: skip
    first = tuple(1 if d.chance(20) else s for s in shapes[0])
    tensors = [d.tensor(s, dtype) for s in (first, *shapes[1:])]
    return Call(name, tuple(tensors), d.some(beta=lambda: scale(d, dtype), alpha=lambda: scale(d, dtype)))


def einsum(d: Draw):
    """Up to three operands with letters drawn; each letter has one size."""
    sizes = {c: d.pick((1, 2, 3, 0 if d.chance(10) else 2)) for c in "abcd"}
    terms = ["".join(d.rng.sample("abcd", d.int(0, 3))) for _ in range(d.int(1, 3))]
    if d.chance(15) and terms[0]:
        terms[0] += terms[0][0]  # a diagonal
    equation = ",".join(terms)
    if d.chance(80):
        used = sorted(set("".join(terms)))
        equation += "->" + "".join(d.rng.sample(used, d.int(0, len(used))))
    dtype = d.dtype([t for t in ALL if t != "bool"])
    tensors = [d.tensor(tuple(sizes[c] if d.chance(97) else 1 for c in t), dtype) for t in terms]
    if d.chance(20):
        tensors = [d.tensor((2, *t.shape), dtype) for t in tensors]
        left, arrow, right = equation.partition("->")
        equation = ",".join("..." + t for t in left.split(",")) + (arrow + "..." + right if arrow else "")
    return (equation, *tensors)


def tensordot(d: Draw):
    k = d.int(0, 2)
    inner, dtype = tuple(d.pick((1, 2, 3)) for _ in range(k)), d.dtype([t for t in ALL if t != "bool"])
    return d.tensor((*d.shape(0, 1), *inner), dtype), d.tensor((*inner, *d.shape(0, 1)), dtype), k


def kron(d: Draw):
    """Of tensors in order: PyTorch refuses some of the others."""
    dtype = d.dtype()
    tensors = d.tensor(d.shape(0, 3), dtype), d.tensor(d.shape(0, 3, (1, 2, 2)), dtype)
    return tuple(replace(t, layout="plain") for t in tensors)


def cross(d: Draw):
    shape, dtype = list(d.shape(1, 3)), d.dtype()
    shape[-1] = 3 if d.chance(93) else 2
    return d.tensor(shape, dtype), d.tensor(shape, dtype)


def chain(d: Draw):
    sizes = [d.pick((1, 2, 3, 4)) for _ in range(d.int(3, 5))]
    dtype = d.pick(EXACT)
    return ([d.tensor((a, b), dtype) for a, b in zip(sizes, sizes[1:])],)


@extra
def of_matrix(lib, name, x, shift, *rest):
    """A function of a well-conditioned matrix: `x` plus a multiple of the identity."""
    a = x + shift * lib.eye(x.shape[-1], dtype=x.dtype)
    target = lib
    for part in name.split("."):
        target = getattr(target, part)
    return target(a, *rest)


def square(d: Draw):
    n = d.pick((0, 1, 2, 3, 4))
    x = d.tensor((*batch(d), n, n), d.pick(EXACT), "unit")
    if 0 in x.shape:  # PyTorch's condition numbers of nothing have no history
        x = replace(x, grad=False)
    return Call("of_matrix", (d.pick(("linalg.det linalg.slogdet linalg.inv linalg.matrix_exp logdet linalg.cond matrix_exp "
                                      "linalg.lu_factor inverse linalg.matrix_rank").split()), x, 5))  # fmt: skip


def power(d: Draw):
    n = d.pick((0, 1, 2, 3))
    return Call(
        "of_matrix",
        ("linalg.matrix_power", d.tensor((*batch(d), n, n), d.pick(EXACT), "unit"), 4, d.int(-2, 4)),
    )


def solve(d: Draw):
    n, m, dtype = d.pick((0, 1, 2, 3)), d.pick((0, 1, 2)), d.pick(EXACT)
    lead = batch(d)
    return Call(
        "of_matrix",
        ("linalg.solve", d.tensor((*lead, n, n), dtype, "unit"), 5, d.tensor((*lead, n, m), dtype)),
    )


@extra
def rebuilt(lib, name, x):
    """What is unique of a decomposition of a matrix with distinct singular values."""
    n, m = x.shape[-2:]
    a = x + lib.arange(1, m + 1).to(x.dtype) * 3 * lib.eye(n, m, dtype=x.dtype)
    h = a @ a.mH
    if name == "qr":
        q, r = lib.linalg.qr(a)
        return q @ r, r.abs()
    if name == "svd":
        u, s, v = lib.linalg.svd(a, full_matrices=False)
        return s, (u * s.unsqueeze(-2).to(u.dtype)) @ v
    if name == "eigh":
        values, vectors = lib.linalg.eigh(h)
        return values, (vectors * values.unsqueeze(-2).to(vectors.dtype)) @ vectors.mH
    if name == "cholesky":
        return lib.linalg.cholesky(h + lib.eye(n, dtype=x.dtype))
    if name == "pinv":
        return lib.linalg.pinv(a)
    return lib.linalg.svdvals(a), lib.linalg.eigvalsh(h)


def decomposed(d: Draw):
    n = d.pick((0, 1, 2, 3))
    m = d.pick((1, n, n + 1)) or 1
    name = d.pick(("qr", "svd", "eigh", "cholesky", "pinv", "values"))
    if name == "qr":
        m = min(n, m)  # of wide matrices it has no derivative
    return Call("rebuilt", (name, d.tensor((*batch(d), n, m), d.pick(EXACT), "unit")))


def norms(d: Draw):
    x = d.tensor((*batch(d), d.pick((1, 2, 3)), d.pick((1, 2, 3))), d.pick(EXACT), "positive")
    return x, d.pick(("fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf"), "l2"))


def triangular(d: Draw):
    n, m, dtype = d.pick((0, 1, 2, 3)), d.pick((1, 2)), d.pick(EXACT)
    return d.tensor((n, n), dtype, "positive"), d.tensor((n, m), dtype), {"upper": d.chance(50)}


def trace(d: Draw):
    return (d.tensor(d.shape(2 if d.chance(90) else 0, 2)),)


PRODUCTS = [
    ("matmul", matmul), ("matmul", matmul), ("mm", pair), ("bmm", batches), ("dot vdot inner linalg.vecdot", vectors),
    ("outer", outer), ("mv", matrix_vector), ("added", added), ("added", added), ("einsum", einsum), ("einsum", einsum),
    ("tensordot", tensordot), ("kron", kron), ("linalg.cross cross", cross), ("linalg.multi_dot", chain), ("trace", trace),
]  # fmt: skip
MATRICES = [
    ("of_matrix", square), ("of_matrix", square), ("of_matrix", power), ("of_matrix", solve), ("rebuilt", decomposed),
    ("rebuilt", decomposed), ("linalg.matrix_norm", norms), ("linalg.solve_triangular", triangular),
]  # fmt: skip

test_products = holds(PRODUCTS)
test_matrices = holds(MATRICES)
