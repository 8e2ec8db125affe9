"""Reductions, statistics and scans, over every kind of `dim`."""

from driver import ALL, FLOATS, Call, Draw, Name, holds

MANY = "sum nansum mean nanmean amax amin all any count_nonzero logsumexp"
ONE = "prod argmax argmin max min median nanmedian mode std_mean var_mean aminmax"
SCANS = "cumsum cumprod cummax cummin logcumsumexp"


def numbers(d: Draw):
    """A tensor; without gradients at nan and infinity, where they are accidents of the formula."""
    values = d.pick(("any", "any", "special", "distinct", "positive"))
    return d.tensor(values=values, grad=False if values == "special" else None)


def everything(d: Draw):
    """Over all dimensions."""
    return (numbers(d),)


def many(d: Draw):
    """Over None, one or several dimensions."""
    x = numbers(d)
    options = {"keepdim": d.chance(50)} if d.chance(60) else {}
    return x, d.dims(len(x.shape)), options


def one(d: Draw):
    """Along one dimension."""
    x = numbers(d)
    return x, d.dim(len(x.shape)), d.some(keepdim=lambda: d.chance(50))


def reduced(d: Draw):
    return many(d) if d.chance(70) else everything(d)


def along(d: Draw):
    name = d.pick(ONE.split())
    if name in ("aminmax", "std_mean", "var_mean"):
        x, dim, options = one(d)
        return Call(name, (x,), {**options, "dim": dim})
    return _called(name, one(d) if d.chance(75) else everything(d))


def _called(name, made):
    return Call(name, made[:-1], made[-1]) if isinstance(made[-1], dict) else Call(name, made)


def converted(d: Draw):
    """With `dtype=`. Without gradients: of results in integers PyTorch says only then that they have none. Of
    positive numbers: casts of others to uint8 are not defined."""
    name = d.pick("sum prod mean nansum cumsum cumprod".split())
    x = d.tensor(grad=False, values="positive")
    dim = (d.dim(len(x.shape)),) if name in ("cumsum", "cumprod", "prod") else (d.dims(len(x.shape)) or (),)
    return Call(name, (x, *dim), {"dtype": Name(d.pick(ALL))})


def spread(d: Draw):
    """std and var with `correction` or `unbiased`."""
    x = numbers(d)
    kind = d.int(0, 3)
    if kind == 0:
        return x, d.chance(50)
    if kind == 1:
        return x, d.dims(len(x.shape)), {"unbiased": d.chance(50), "keepdim": d.chance(50)}
    return (
        x,
        d.dims(len(x.shape)),
        {"correction": d.pick((0, 1, 2, 0.5)), **d.some(keepdim=lambda: d.chance(50))},
    )


def norms(d: Draw):
    x = numbers(d)
    p = d.pick((2, 1, 0, float("inf"), float("-inf"), 3, 0.5, -1))
    return x, p, d.dims(len(x.shape)), *([{"keepdim": True}] if d.chance(30) else [])


def quantile(d: Draw):
    x = d.tensor(
        dtype=d.pick(("float32", "float64", "float32", "float16", "int64")), values=d.pick(("any", "special"))
    )
    q = d.pick((0.5, 0.0, 1.0, 0.3, [0.25, 0.75], 1.5))
    q = q if isinstance(q, float) else d.tensor((d.int(0, 3),), x.dtype, "probability", grad=False)
    how = d.pick(("linear", "lower", "higher", "midpoint", "nearest"))
    return (
        x,
        q,
        {**d.some(dim=lambda: d.dim(len(x.shape)), keepdim=lambda: d.chance(50)), "interpolation": how},
    )


def scan(d: Draw):
    x = numbers(d)
    return x, d.dim(len(x.shape))


def between(d: Draw):
    """Two tensors. Not the 0-norm, whose backward fails in PyTorch."""
    a, b = d.broadcast(2)
    dtype = d.dtype()
    return d.tensor(a, dtype), d.tensor(b, dtype), d.pick((2, 1, float("inf"), 3))


def table(d: Draw):
    x = d.tensor(d.shape(0, 2), d.pick((*FLOATS, "int64", "complex64")))
    return x, {"correction": d.int(0, 2)}


def steps(d: Draw):
    x = d.tensor(d.shape(0, 3))
    return x, {"n": d.int(0, 2), "dim": d.dim(len(x.shape))}


def areas(d: Draw):
    x = d.tensor(dtype=FLOATS[:2])
    return x, {"dx": d.pick((1, 0.5)), "dim": d.dim(len(x.shape))}


def bins(d: Draw):
    return d.tensor(d.shape(0, 2), d.pick(FLOATS[:2])), d.int(1, 5), -2.0, d.pick((2.0, 1.5))


REDUCTIONS = [(MANY, reduced)] * 4 + [("along", along)] * 3 + [("converted", converted), ("std var", spread)]
OTHERS = [
    ("norm linalg.vector_norm", norms), ("quantile nanquantile", quantile), (SCANS, scan), (SCANS, scan), ("dist", between),
    ("cov", table), ("diff", steps), ("trapezoid cumulative_trapezoid", areas), ("histc", bins),
]  # fmt: skip

test_reductions = holds(REDUCTIONS)
test_norms_and_scans = holds(OTHERS)
