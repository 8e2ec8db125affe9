"""Convolutions, pooling and interpolation in one, two and three dimensions."""

from driver import COMPLEX, Call, Draw, T, holds

DTYPES = ("float32", "float32", "float64", "bfloat16", "float16")
F = "nn.functional."


def sizes(d: Draw, k: int, low=1, high=5):
    return tuple(d.int(low, high if k < 3 else 3) for _ in range(k))


def few(d: Draw, k: int, low: int, high: int):
    """One number, or one per dimension."""
    return d.int(low, high) if d.chance(50) else tuple(d.int(low, high) for _ in range(k))


def lead(d: Draw):
    """Of the batch: none, or some."""
    return d.pick(((), (1,), (2,), (2,), (0,)))


def conv(d: Draw):
    k = d.int(1, 3)
    groups, per, out = d.pick((1, 1, 2)), d.int(1, 2), d.int(1, 2)
    dtype = d.pick(DTYPES[:3]) if d.chance(85) else d.pick((*COMPLEX, "int64"))
    x = d.tensor((*lead(d), groups * per, *sizes(d, k, 1, 6)), dtype)
    weight = d.tensor((groups * out, per if d.chance(96) else per + 1, *sizes(d, k, 1, 3)), dtype)
    options = d.some(
        bias=lambda: d.tensor((groups * out,), dtype), stride=lambda: few(d, k, 1, 2), dilation=lambda: few(d, k, 1, 2),
        padding=lambda: d.pick((few(d, k, 0, 2), "valid", "same")),
    )  # fmt: skip
    return Call(f"{F}conv{k}d", (x, weight), {**options, "groups": groups})


def conv_transpose(d: Draw):
    """Of sizes that leave something: which error PyTorch gives of empty results depends on its backend."""
    k = d.int(1, 3)
    groups, per, out = d.pick((1, 1, 2)), d.int(1, 2), d.int(1, 2)
    dtype = d.pick(DTYPES[:3])
    x = d.tensor((*d.pick(((), (1,), (2,))), groups * per, *sizes(d, k, 3, 4)), dtype)
    weight = d.tensor((groups * per, out, *sizes(d, k, 1, 3)), dtype)
    options = d.some(
        bias=lambda: d.tensor((groups * out,), dtype), stride=lambda: few(d, k, 1, 2), padding=lambda: few(d, k, 0, 1),
        output_padding=lambda: d.int(0, 1), dilation=lambda: few(d, k, 1, 2),
    )  # fmt: skip
    return Call(f"{F}conv_transpose{k}d", (x, weight), {**options, "groups": groups})


def image(d: Draw, k: int, low=1, high=6, values="any", dtypes=DTYPES):
    return d.tensor((*lead(d), d.int(1, 2), *sizes(d, k, low, high)), d.pick(dtypes), values)


def max_pool(d: Draw):
    k = d.int(1, 3)
    x = image(d, k, values=d.pick(("distinct", "any")))
    options = d.some(
        stride=lambda: few(d, k, 1, 3), padding=lambda: few(d, k, 0, 1), dilation=lambda: few(d, k, 1, 2),
        ceil_mode=lambda: d.chance(50), return_indices=lambda: d.chance(50),
    )  # fmt: skip
    return Call(f"{F}max_pool{k}d", (x, few(d, k, 1, 3)), options)


def avg_pool(d: Draw):
    k = d.int(1, 3)
    options = d.some(
        stride=lambda: few(d, k, 1, 3), padding=lambda: few(d, k, 0, 1), ceil_mode=lambda: d.chance(50),
        count_include_pad=lambda: d.chance(50),
    )  # fmt: skip
    return Call(f"{F}avg_pool{k}d", (image(d, k), few(d, k, 1, 3)), options)


def lp_pool(d: Draw):
    k = d.int(1, 2)
    return Call(f"{F}lp_pool{k}d", (image(d, k, 3, values="positive"), d.pick((1.0, 2.0, 3.0)), d.int(1, 3)))


def adaptive(d: Draw):
    k = d.int(1, 3)
    name = d.pick(("avg", "avg", "max"))
    x = image(d, k, values="distinct" if name == "max" else "any")
    return Call(f"{F}adaptive_{name}_pool{k}d", (x, few(d, k, 1, 4)))


def unpool(d: Draw):
    x = T((2, 1, 2, 2), "float32", d.int(0, 99), "any", True)
    return x, T((2, 1, 2, 2), "int64", 0, (0, 1)), 2


def interpolate(d: Draw):
    """To sizes above 0: for "area" PyTorch finds only in backward that there are none."""
    k = d.int(1, 3)
    mode = d.pick(
        (
            "nearest",
            "nearest-exact",
            "area",
            ("linear", "bilinear", "trilinear")[k - 1],
            "bicubic" if k == 2 else "nearest",
        )
    )
    x = d.tensor((d.pick((0, 1, 2)) if d.chance(20) else 2, d.int(1, 2), *sizes(d, k, 2)), d.pick(DTYPES))
    options = {"size": few(d, k, 1, 6)} if d.chance(50) else {"scale_factor": d.pick((0.5, 2, 1.5, 0.7))}
    if "linear" in mode or mode == "bicubic":
        options |= d.some(align_corners=lambda: d.chance(50))
        if k == 2:
            options |= d.some(antialias=lambda: d.chance(50))
    return x, {
        **options,
        "mode": mode,
        **d.some(recompute_scale_factor=lambda: d.chance(50) and "scale_factor" in options),
    }


def grid(d: Draw):
    k = d.int(2, 3)
    n = d.int(1, 2)
    dtype = d.pick(("float32", "float64"))
    mode = d.pick(("bilinear", "nearest", "bicubic" if k == 2 else "bilinear"))
    x = d.tensor((n, d.int(1, 2), *sizes(d, k)), dtype)
    at = d.tensor((n, *sizes(d, k, 1, 3), k), dtype, "unit")
    return (
        x,
        at,
        {
            "mode": mode,
            "padding_mode": d.pick(("zeros", "border", "reflection")),
            "align_corners": d.chance(50),
        },
    )


def affine(d: Draw):
    k = d.int(2, 3)
    n = d.int(1, 2)
    return (
        d.tensor((n, k, k + 1), d.pick(("float32", "float64"))),
        (n, 1, *sizes(d, k)),
        {"align_corners": d.chance(50)},
    )


def unfold(d: Draw):
    x = d.tensor((*d.pick(((), (1,), (2,))), d.int(1, 2), *sizes(d, 2, 2, 5)), d.pick(DTYPES))
    return (
        x,
        few(d, 2, 1, 3),
        d.some(dilation=lambda: d.int(1, 2), padding=lambda: d.int(0, 1), stride=lambda: d.int(1, 2)),
    )


def shuffled(d: Draw):
    """Not of empty tensors, whose gradients PyTorch gives a wrong shape."""
    r = d.int(1, 2)
    return d.tensor((*d.shape(0, 2, (1, 2, 3)), r * r * d.int(1, 2), d.int(1, 2), d.int(1, 3))), r


def unshuffled(d: Draw):
    """Not of empty tensors, which PyTorch leaves as they are."""
    r = d.int(1, 2)
    return d.tensor((*d.shape(0, 2, (1, 2, 3)), 1, r * d.int(1, 2), r * d.int(1, 2) + d.chance(5))), r


CONVOLUTIONS = [("conv", conv), ("conv", conv), ("conv_transpose", conv_transpose), (f"{F}unfold", unfold)]
POOLING = [
    ("max_pool", max_pool),
    ("avg_pool", avg_pool),
    ("lp_pool", lp_pool),
    ("adaptive", adaptive),
    (f"{F}max_unpool2d", unpool),
]
RESIZING = [
    (f"{F}interpolate", interpolate), (f"{F}interpolate", interpolate), (f"{F}grid_sample", grid), (f"{F}affine_grid", affine),
    ("pixel_shuffle", shuffled), ("pixel_unshuffle", unshuffled),
]  # fmt: skip

test_convolutions = holds(CONVOLUTIONS)
test_pooling = holds(POOLING)
test_resizing = holds(RESIZING)
