"""Views and rearrangements: shapes, transpositions, splits, joins, repetition and padding."""

from driver import Call, Draw, extra, holds


def product(shape):
    n = 1
    for k in shape:
        n *= k
    return n


def another_shape(d: Draw, n: int):
    """A shape of n elements; now and then with -1, or of others."""
    if d.chance(5):
        return d.shape()
    if not n:
        return d.pick(((0,), (0, 2), (3, 0), (-1,), (0, -1)))
    shape, rest = [], n
    while rest > 1 and len(shape) < 4:
        k = d.pick([i for i in range(1, rest + 1) if rest % i == 0])
        shape.append(k)
        rest //= k
    shape.append(rest)
    if d.chance(40):
        shape[d.int(0, len(shape) - 1)] = -1
    return tuple(shape)


def reshaped(d: Draw):
    x = d.tensor()
    return x, another_shape(d, product(x.shape))


def alone(d: Draw):
    return (d.tensor(),)


def few(d: Draw):
    """Of at most two dimensions, mostly."""
    return (d.tensor(d.shape(0, 2 if d.chance(85) else 4)),)


def one_dim(d: Draw):
    x = d.tensor()
    return x, d.dim(len(x.shape))


def squeezed(d: Draw):
    x = d.tensor()
    return (x,) if d.chance(30) else (x, d.dims(len(x.shape)) or 0)


def unsqueezed(d: Draw):
    x = d.tensor(d.shape(0, 4))
    return x, d.dim(len(x.shape) + 1)


def two_dims(d: Draw):
    x = d.tensor()
    return x, d.dim(len(x.shape)), d.dim(len(x.shape))


def permuted(d: Draw):
    x = d.tensor()
    order = d.rng.sample(range(len(x.shape)), len(x.shape))
    if d.chance(4):
        order.append(0)
    return x, tuple(k - len(order) if d.chance(20) else k for k in order)


def moved(d: Draw):
    x = d.tensor()
    n = len(x.shape)
    k = d.int(0, n)
    return x, tuple(d.rng.sample(range(n), k)), tuple(d.rng.sample(range(n), k))


def expanded(d: Draw):
    a, b = d.broadcast(2)
    x = d.tensor(a)
    return x, tuple(-1 if d.chance(10) and i >= len(b) - len(a) else k for i, k in enumerate(b))


def flipped(d: Draw):
    x = d.tensor()
    n = len(x.shape)
    return x, tuple(d.rng.sample(range(n), d.int(0, n)))


def rolled(d: Draw):
    x = d.tensor()
    if d.chance(40):
        return x, d.int(-3, 3)
    dims = tuple(d.rng.sample(range(len(x.shape)), d.int(0, len(x.shape))))
    return x, tuple(d.int(-3, 5) for _ in dims), dims


def turned(d: Draw):
    x = d.tensor(d.shape(2 if d.chance(95) else 1, 4))
    return x, d.int(-3, 5), tuple(d.rng.sample(range(-2, 2), 2)) if d.chance(10) else (0, 1)


def sliced(d: Draw):
    x = d.tensor()
    dim = d.dim(len(x.shape))
    n = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 1
    start = d.int(-n if d.chance(20) else 0, n)
    return x, dim, start, d.int(0, max(n - start, 0)) if start >= 0 else d.int(0, -start)


def selected(d: Draw):
    x = d.tensor()
    dim = d.dim(len(x.shape))
    n = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 1
    return x, dim, d.int(-n, max(n - 1, 0) + d.chance(3))


def split(d: Draw):
    x = d.tensor()
    dim = d.dim(len(x.shape))
    n = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 1
    if d.chance(60):
        return x, d.int(0 if d.chance(5) else 1, n + 1), dim
    sizes, rest = [], n + (d.chance(5))
    while rest:
        sizes.append(d.int(0, rest))
        rest -= sizes[-1]
    return x, sizes, dim


def cut(d: Draw):
    x = d.tensor()
    how = (
        d.int(0 if d.chance(5) else 1, 4) if d.chance(60) else tuple(d.int(-2, 5) for _ in range(d.int(0, 3)))
    )
    return x, how, d.dim(len(x.shape))


def chunked(d: Draw):
    x = d.tensor()
    return x, d.int(0 if d.chance(5) else 1, 4), d.dim(len(x.shape))


def unfolded(d: Draw):
    x = d.tensor()
    dim = d.dim(len(x.shape))
    n = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 1
    return x, dim, d.int(0, n + d.chance(5)), d.int(0 if d.chance(4) else 1, 3)


def diagonal(d: Draw):
    x = d.tensor(d.shape(2 if d.chance(90) else 0, 4))
    return (x, d.int(-3, 3)) if d.chance(50) else (x, d.int(-3, 3), d.dim(len(x.shape)), d.dim(len(x.shape)))


def diagonals(d: Draw):
    return d.tensor(d.shape(0, 3)), d.int(-2, 2)


def joined(d: Draw):
    """Tensors alike but along one dimension, of one dtype or several."""
    shape = d.shape(1 if d.chance(90) else 0, 4)
    dim = d.dim(len(shape))
    at = dim % max(len(shape), 1)
    dtype = d.dtype()
    tensors = []
    for _ in range(d.int(0 if d.chance(3) else 1, 3)):
        own = tuple(d.int(0, 3) if i == at else k for i, k in enumerate(shape))
        if d.chance(4):
            own = (0,) if d.chance(50) else d.shape()
        tensors.append(d.tensor(own, d.pick([dtype] * 5 + [d.dtype()])))
    return tensors, dim


def stacked(d: Draw):
    shape, dtype = d.shape(0, 4), d.dtype()
    tensors = [
        d.tensor(shape if d.chance(97) else d.shape(), d.pick([dtype] * 5 + [d.dtype()]))
        for _ in range(d.int(1, 3))
    ]
    return tensors, d.dim(len(shape) + 1)


def side_by_side(d: Draw):
    return (stacked(d)[0],)


def repeated(d: Draw):
    x = d.tensor(d.shape(0, 3))
    n = len(x.shape) + d.int(-1 if d.chance(5) else 0, 1)
    return x, tuple(d.int(0, 2) for _ in range(max(n, 0)))


def interleaved(d: Draw):
    x = d.tensor()
    return (x, d.int(0, 3)) if d.chance(40) else (x, d.int(0, 3), d.dim(len(x.shape)))


def triangle(d: Draw):
    return d.tensor(d.shape(2 if d.chance(95) else 0, 4)), d.int(-3, 3)


def flattened(d: Draw):
    x = d.tensor()
    a, b = sorted(d.int(0, max(len(x.shape) - 1, 0)) for _ in range(2))
    return x, (a if d.chance(80) else -1), b


def unflattened(d: Draw):
    x = d.tensor()
    dim = d.dim(len(x.shape))
    n = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 1
    return x, dim, another_shape(d, n)


def padded(d: Draw):
    """Modes take the dimensions they take; amounts may be negative."""
    mode = d.pick(("constant", "constant", "constant", "reflect", "replicate", "circular"))
    if mode == "constant":
        x = d.tensor()
        pads = [d.int(-1, 2) for _ in range(2 * d.int(0, len(x.shape)))]
        return x, pads, mode, d.number()
    k = d.int(1, 3)
    x = d.tensor(
        d.shape(k + 1 if d.chance(95) else 1, k + 2, (1, 2, 3, 4)),
        d.pick(("float32", "float64", "complex64", "int64")),
    )
    return x, [d.int(0, 2) if d.chance(90) else d.int(-1, 4) for _ in range(2 * k)], mode


@extra
def written(lib, x, view, args, value):
    """A view of a copy, written: the copy shows it."""
    copy = x.clone()
    part = getattr(copy, view)(*args)
    part.mul_(value)
    return copy


def through(d: Draw):
    name, make = d.pick([("select", selected), ("narrow", sliced), ("transpose", two_dims), ("permute", permuted),
                         ("unfold", unfolded), ("diagonal", diagonal), ("view", reshaped), ("squeeze", squeezed)])  # fmt: skip
    x, *args = make(d)
    return Call("written", (x, name, args, d.number()))


VIEWS = [
    ("reshape Tensor.view", reshaped), ("squeeze", squeezed), ("unsqueeze", unsqueezed), ("transpose swapaxes", two_dims),
    ("permute", permuted), ("movedim", moved), ("Tensor.expand broadcast_to", expanded), ("narrow", sliced),
    ("select", selected), ("unbind", one_dim), ("split", split), ("tensor_split", cut), ("chunk", chunked),
    ("Tensor.unfold", unfolded), ("diagonal", diagonal), ("flatten", flattened), ("unflatten", unflattened),
    ("t adjoint", few), ("ravel atleast_1d atleast_2d atleast_3d", alone), ("hsplit vsplit dsplit", reshaped),
    ("written", through), ("written", through),
]  # fmt: skip
REARRANGED = [
    ("flip", flipped), ("fliplr flipud", alone), ("roll", rolled), ("rot90", turned), ("cat concat", joined),
    ("stack", stacked), ("hstack vstack dstack column_stack", side_by_side), ("Tensor.repeat tile", repeated),
    ("repeat_interleave", interleaved), ("tril triu", triangle), ("diag", diagonals), ("diagflat diag_embed", diagonals),
    ("nn.functional.pad", padded), ("nn.functional.pad", padded), ("block_diag", few), ("broadcast_tensors", few),
]  # fmt: skip

test_views = holds(VIEWS)
test_rearranged = holds(REARRANGED)
