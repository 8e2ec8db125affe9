"""Keys of every kind, read and written, and the functions that index."""

from typing import Any

from driver import Call, Draw, T, extra, holds


def index_tensor(d: Draw, n: int, shape=None, outside: int = 2) -> T:
    """Indices into a dimension of n, some (percent) out of range."""
    shape = d.shape(0, 2, (0, 1, 2, 2, 3)) if shape is None else shape
    low, high = (0 if d.chance(50) else -n), n + d.chance(outside)
    if not n:
        shape = (*shape[:-1], 0) if shape else (0,)
    return T(
        shape,
        d.pick(("int64", "int64", "int32", "int16", "int8")) if low == 0 else "int64",
        d.int(0, 999),
        (low, high),
    )


def part(d: Draw, n: int, shape):
    """One item of a key, for a dimension of n."""
    kind = d.int(0, 9)
    if kind < 2 and (n or d.chance(20)):
        return d.int(-n, n - 1 + d.chance(3)) if n else 0
    if kind < 6:
        start, stop = (None if d.chance(30) else d.int(-n - 1, n + 1) for _ in range(2))
        return slice(start, stop, d.pick((None, None, 1, 2, 3, -1 if d.chance(5) else 2)))
    if kind == 6 and n:
        return [d.int(-n, n - 1) for _ in range(d.int(1, 3))]
    if kind == 7:
        return T((n,), "uint8" if d.chance(10) else "bool", d.int(0, 999), (0, 2))
    return index_tensor(d, n, shape, 0)  # what is out of range is an int: one thing is wrong at a time


def key_for(d: Draw, sizes):
    """A key for a tensor of these sizes."""
    if d.chance(8):
        return T(tuple(sizes), "bool", d.int(0, 999))
    if d.chance(6):
        return d.pick((None, Ellipsis, True, False, (), 0, slice(None)))
    used = d.int(0, len(sizes))
    shared = d.shape(0, 2, (1, 2, 3))
    front = d.chance(80)
    of = sizes[:used] if front else sizes[len(sizes) - used :]
    items: list[Any] = [part(d, n, shared) for n in of]
    if not front:
        items.insert(0, Ellipsis)
    elif d.chance(20):
        items.append(Ellipsis)
    for extra_item in (None, True):
        if d.chance(8):
            items.insert(d.int(0, len(items)), extra_item)
    if d.chance(3):
        items.append(0)  # too many
    return items[0] if len(items) == 1 and d.chance(60) else tuple(items)


@extra
def get(lib, x, key):
    """`x[key]`"""
    return x[key]


@extra
def put(lib, x, key, value):
    """`x[key] = value` on a copy."""
    copy = x.clone()
    copy[key] = value
    return copy


def getting(d: Draw):
    x = d.tensor()
    return Call("get", (x, key_for(d, x.shape)))


def setting(d: Draw):
    """A number, or a tensor that mostly broadcasts against what the key shows. What is written twice is not defined
    unless it is one number, nor is the gradient of that number."""
    x = d.tensor(d.shape(0, 4))
    key = key_for(d, x.shape)
    parts = key if isinstance(key, (tuple, list)) else (key,)
    if any(isinstance(k, T) and k.dtype == "uint8" for k in parts):
        key = ...  # PyTorch refuses to write one element through such a mask
    if d.chance(50):
        return Call("put", (x, key, d.number()))
    return Call(
        "put",
        (
            x,
            key,
            d.tensor(d.pick(((), (1,), (1, 1))), d.pick([x.dtype] * 4 + ["float32", "int64"]), grad=False),
        ),
    )


def along(d: Draw, x: T):
    dim = d.dim(len(x.shape))
    n = x.shape[dim] if -len(x.shape) <= dim < len(x.shape) else 1
    return dim, n


def selected(d: Draw):
    x = d.tensor()
    dim, n = along(d, x)
    return x, dim, index_tensor(d, n, (d.int(0, 4),))


def gathered(d: Draw):
    x = d.tensor()
    dim, n = along(d, x)
    shape = tuple(d.int(0, k) for k in x.shape) if d.chance(90) else d.shape()
    return (
        x,
        dim,
        T(shape, "int64", d.int(0, 999), (0, n)) if n else T((0,) * len(x.shape), "int64", 0, (0, 1)),
    )


def scattered(d: Draw):
    """With distinct indices per line where values are set, not added: the last of several is not defined."""
    x, dim, index = gathered(d)
    return x, dim, index, d.number()


def scattered_sums(d: Draw):
    x, dim, index = gathered(d)
    return x, dim, index, d.tensor(index.shape, d.pick([x.dtype] * 9 + ["float64"]))


def scattered_how(d: Draw):
    x, dim, index = gathered(d)
    how = d.pick(("sum", "prod", "mean", "amax", "amin"))
    return x, dim, index, d.tensor(index.shape, x.dtype, grad=False if how == "prod" else None), how, {
        "include_self": d.chance(50)
    }  # fmt: skip


def index_adds(d: Draw):
    x = d.tensor()
    dim, n = along(d, x)
    k = d.int(0, 3) if n else 0
    shape = list(x.shape)
    if -len(shape) <= dim < len(shape):
        shape[dim] = k
    return (
        x,
        dim,
        T((k,) if x.shape or d.chance(50) else (), "int64", d.int(0, 99), (0, max(n, 1))),
        d.tensor(shape, x.dtype),
    )


def index_fill(d: Draw):
    return *selected(d), d.number()


def taken(d: Draw):
    x = d.tensor()
    n = 1
    for k in x.shape:
        n *= k
    return x, index_tensor(d, n)


def taken_along(d: Draw):
    x, dim, index = gathered(d)
    return x, index, dim


def masked(d: Draw):
    a, b = d.broadcast(2)
    return d.tensor(a), d.tensor(b, "bool" if d.chance(95) else "uint8"), d.number()


def mask_only(d: Draw):
    return masked(d)[:2]


GET = [("get", getting)]
PUT = [("put", setting)]
FUNCTIONS = [
    ("index_select", selected), ("gather", gathered), ("scatter", scattered), ("scatter_add", scattered_sums),
    ("scatter_reduce", scattered_how), ("index_add", index_adds), ("index_fill", index_fill), ("take", taken),
    ("take_along_dim", taken_along), ("masked_fill", masked), ("masked_select", mask_only),
]  # fmt: skip

test_get = holds(GET)
test_put = holds(PUT)
test_index_functions = holds(FUNCTIONS)
