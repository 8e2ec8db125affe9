"""Tensors made from numbers, and their conversions."""

from driver import ALL, COMPLEX, FLOATS, INTS, Call, Draw, Name, T, extra, holds


def dtype_option(d: Draw, among=ALL):
    return {"dtype": Name(d.pick(among))} if d.chance(70) else {}


def filled(d: Draw):
    return d.shape(), {**dtype_option(d), **d.some(requires_grad=lambda: d.chance(50))}


def full(d: Draw):
    return d.shape(), d.number(True), dtype_option(d)


def like(d: Draw):
    return d.tensor(), dtype_option(d)


def full_like(d: Draw):
    return d.tensor(), d.number(True), dtype_option(d)


def new(d: Draw):
    return d.tensor(), d.shape(), dtype_option(d)


def new_full(d: Draw):
    return d.tensor(), d.shape(), d.number(True), dtype_option(d)


def bound(d: Draw):
    return d.pick((0, 1, 5, -3, 2.5, -0.5, 3.0, 10))


def arange(d: Draw):
    step = d.pick((1, 2, 0.5, -1, -0.75, 0))
    return *((bound(d),) if d.chance(30) else (bound(d), bound(d), step)), dtype_option(d, (*FLOATS, *INTS))


def interval(d: Draw):
    return bound(d), bound(d), *((d.pick((1, 2, 0.5, -1)),) if d.chance(60) else ()), dtype_option(d, FLOATS)


def linspace(d: Draw):
    return bound(d), bound(d), d.pick((0, 1, 2, 5, 7, -1)), dtype_option(d, (*FLOATS, *COMPLEX, *INTS))


def logspace(d: Draw):
    return *linspace(d)[:3], d.pick((2.0, 10.0, 0.5)), dtype_option(d, (*FLOATS, *COMPLEX))


def eye(d: Draw):
    return d.int(-1, 4), *((d.int(0, 4),) if d.chance(50) else ()), dtype_option(d)


def triangle(d: Draw):
    return d.int(0, 4), d.int(0, 4), d.int(-3, 3), {}


def window(d: Draw):
    return d.int(0, 7), {**d.some(periodic=lambda: d.chance(50)), **dtype_option(d, FLOATS[:3])}


def nested(d: Draw, depth=None):
    """Numbers in nested lists."""
    depth = d.int(0, 3) if depth is None else depth
    if not depth:
        return d.number(d.chance(20))
    if d.chance(5):
        return []
    width = d.int(1, 3)
    first = nested(d, depth - 1)
    return [first] + [_alike(d, first) for _ in range(width - 1)]


def _alike(d: Draw, x):
    return [_alike(d, v) for v in x] if isinstance(x, list) else d.number()


def data(d: Draw):
    return nested(d), {**dtype_option(d), **d.some(requires_grad=lambda: d.chance(50))}


def combined(d: Draw):
    """complex and polar: two tensors of the same dtype (of float16 they make complex32). Lengths are positive."""
    a, b = d.broadcast(2)
    dtype = d.pick(("float32", "float64", "float32", "int64"))
    return d.tensor(a, dtype, "positive"), d.tensor(b, d.pick([dtype] * 6 + ["float64"]))


def cast(d: Draw):
    """To another dtype; casts of what the dtype cannot hold are not defined in C++, so no nan, inf or negative uint8."""
    return d.tensor(values="positive"), Name(d.pick(ALL))


def method(d: Draw):
    return (d.tensor(values="positive"),)


def pairs(d: Draw):
    """Not empty: of those PyTorch's backward fails."""
    return (d.tensor(d.shape(0, 4, (1, 2, 3)), d.pick((*COMPLEX, "float32"))),)


@extra
def assigned(lib, name, x, *rest):
    """In-place filling of a copy."""
    return getattr(x.clone(), name)(*rest)


def fill(d: Draw):
    name = d.pick(("fill_", "zero_", "fill_diagonal_", "copy_"))
    x = d.tensor(d.shape(2, 3) if name == "fill_diagonal_" else None)
    shape = x.shape[d.int(0, len(x.shape)) :]
    rest = (
        () if name == "zero_" else (d.tensor(shape, values="positive"),) if name == "copy_" else (d.number(),)
    )
    return Call("assigned", (name, x, *rest))


def mesh(d: Draw):
    tensors = [d.tensor(d.shape(0, 1), d.pick(["float32"] * 5 + ["int64"])) for _ in range(d.int(1, 3))]
    return *tensors, {"indexing": d.pick(("ij", "xy"))}


def product(d: Draw):
    dtype = d.dtype()
    return tuple(d.tensor((d.int(0, 3),), dtype) for _ in range(d.int(1, 3)))


def picks(d: Draw):
    return T((d.int(0, 4),), d.dtype(), d.int(0, 99)), d.int(0, 3), d.chance(50)


def vander(d: Draw):
    """Without gradients: PyTorch's backward fails."""
    return (
        d.tensor((d.int(0, 4),), grad=False),
        *((d.int(0, 4),) if d.chance(50) else ()),
        {"increasing": d.chance(50)},
    )


CREATION = [
    ("zeros ones", filled), ("full", full), ("zeros_like ones_like", like), ("full_like", full_like),
    ("Tensor.new_zeros Tensor.new_ones", new), ("Tensor.new_full", new_full), ("arange", arange), ("range", interval),
    ("arange", arange), ("linspace", linspace), ("logspace", logspace), ("eye", eye), ("tril_indices triu_indices", triangle),
    ("hann_window hamming_window blackman_window bartlett_window", window), ("tensor", data), ("tensor", data),
    ("complex polar", combined), ("meshgrid", mesh), ("cartesian_prod", product), ("combinations", picks), ("vander", vander),
]  # fmt: skip
CONVERSION = [
    ("Tensor.to Tensor.type", cast), ("assigned", fill), ("view_as_real", pairs),
    ("Tensor.float Tensor.double Tensor.half Tensor.bfloat16 Tensor.long Tensor.int Tensor.bool Tensor.cfloat", method),
    ("real imag resolve_conj conj Tensor.contiguous clone", method),
]  # fmt: skip

test_creation = holds(CREATION)
test_conversion = holds(CONVERSION)
