"""Sorting, searching and sets. Values are distinct where the order among equals is not defined."""

from dataclasses import replace

from driver import INTS, REAL, Call, Draw, extra, holds


def sorted_along(d: Draw):
    """Stable sorts of any values, unstable ones of distinct values."""
    stable = d.chance(60)
    x = d.tensor(dtype=REAL, values=d.pick(("any", "special", "distinct")) if stable else "distinct")
    options = {"descending": d.chance(50), "stable": stable} if d.chance(70) or stable else {}
    return (x, {**options, "dim": d.dim(len(x.shape))}) if d.chance(80) else (x, options)


def largest(d: Draw):
    """Not none of a tensor without dimensions: PyTorch returns memory nobody wrote."""
    x = d.tensor(dtype=REAL, values="distinct")
    n = x.shape[-1] if x.shape else 1
    return (
        x,
        d.int(0 if x.shape else 1, n + (d.chance(5))),
        {"dim": -1, "largest": d.chance(50)} if d.chance(70) else {},
    )


def kth(d: Draw):
    x = replace(d.tensor(dtype=REAL, values="distinct"), layout="plain")  # an expanded one has equal elements
    dim = d.dim(len(x.shape))
    n = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 1
    return x, d.int(0 if d.chance(5) else 1, max(n, 1)), dim, *([{"keepdim": True}] if d.chance(40) else [])


@extra
def in_sorted(lib, name, edges, x, **options):
    """searchsorted or bucketize: the edges are sorted first."""
    edges = lib.sort(edges)[0]
    return (
        lib.searchsorted(edges, x, **options)
        if name == "searchsorted"
        else lib.bucketize(x, edges, **options)
    )


def search(d: Draw):
    dtype = d.dtype(REAL)
    name = d.pick(("searchsorted", "bucketize"))
    rows = d.shape(0, 1) if name == "searchsorted" and d.chance(40) else ()
    edges = d.tensor((*rows, d.int(0, 5)), dtype, grad=False)
    x = d.tensor((*rows, d.int(0, 4)) if rows else d.shape(), d.pick([dtype] * 3 + ["float64"]), grad=False)
    return Call(
        "in_sorted", (name, edges, x), d.some(right=lambda: d.chance(50), out_int32=lambda: d.chance(50))
    )


def distinct(d: Draw):
    x = d.tensor(dtype=[t for t in (*REAL, "bool")], grad=False)
    options = {"return_inverse": d.chance(50), "return_counts": d.chance(50)}
    return (x, {**options, "dim": d.dim(len(x.shape))}) if d.chance(40) else (x, options)


def runs(d: Draw):
    x = d.tensor(dtype=[t for t in (*REAL, "bool")], grad=False)
    return x, {"return_inverse": d.chance(50), "return_counts": d.chance(50)}


def members(d: Draw):
    dtype = d.dtype(REAL)
    return (
        d.tensor(dtype=dtype, grad=False),
        d.tensor(dtype=dtype, grad=False),
        d.some(invert=lambda: d.chance(50)),
    )


def counted(d: Draw):
    x = d.tensor(d.shape(1, 1), d.pick(INTS), (0, 7), grad=False)
    weights = d.tensor(x.shape, d.pick(("float32", "float64", "int64")), grad=False)
    return (x, weights, d.int(0, 9)) if d.chance(50) else (x,)


def nonzeros(d: Draw):
    return (d.tensor(values=d.pick(("any", "special"))),)


SORTING = [("sort", sorted_along)] * 2 + [
    ("argsort", sorted_along),
    ("topk", largest),
    ("kthvalue", kth),
    ("msort", nonzeros),
]
SEARCHING = [
    ("in_sorted", search), ("in_sorted", search), ("unique", distinct), ("unique_consecutive", runs), ("isin", members),
    ("bincount", counted), ("nonzero argwhere count_nonzero", nonzeros),
]  # fmt: skip

test_sorting = holds(SORTING)
test_searching = holds(SEARCHING)
