"""Activations, normalisations and losses."""

from dataclasses import replace

from driver import FLOATS, INTS, Call, Draw, T, holds

DTYPES = ("float32", "float32", "float64", "float16", "bfloat16")


def value(d: Draw, shape=None, values=None, dtype=None):
    """Mostly floating; now and then of a dtype that the operator may refuse."""
    dtype = dtype or (d.pick(INTS) if d.chance(4) else d.pick(DTYPES))
    return d.tensor(shape, dtype, values or d.pick(("any", "any", "special", "positive")))


def activation(d: Draw):
    return (value(d),)


def leaky(d: Draw):
    return value(d), d.pick((0.01, 0.5, 0, -0.5))


def two_numbers(d: Draw):
    low = d.pick((-1, 0, -0.5))
    return value(d), low, d.pick((1, 2.5, low))


def elu(d: Draw):
    return value(d), d.pick((1.0, 0.5, 2))


def softplus(d: Draw):
    return value(d), d.pick((1, 2.0, 0.5)), d.pick((20, 1, 0))


def gelu(d: Draw):
    return value(d), {"approximate": d.pick(("none", "tanh", "exp" if d.chance(10) else "none"))}


def prelu(d: Draw):
    x = value(d)
    channels = x.shape[1] if len(x.shape) > 1 else 1
    return x, d.tensor((d.pick((1, channels, channels)),), x.dtype)


def glu(d: Draw):
    x = value(d, d.shape(1 if d.chance(95) else 0, 4, (2, 2, 4, 0, 1 if d.chance(20) else 2)))
    return x, d.dim(len(x.shape))


def softmax(d: Draw):
    x = value(d)
    return x, d.dim(len(x.shape))


def one_hot(d: Draw):
    return T(d.shape(0, 3), "int64", d.int(0, 99), (0, 4)), d.pick((-1, 4, 6))


def normalize(d: Draw):
    x = value(d, values=d.pick(("any", "positive")))
    return x, d.pick((2.0, 1.0, 3.0)), d.dim(len(x.shape))


def layer_norm(d: Draw):
    x = value(d, d.shape(1, 4), d.pick(("any", "positive")))
    k = d.int(1, len(x.shape))
    own = x.shape[len(x.shape) - k :] if d.chance(95) else (7,)
    weights = [d.tensor(own, x.dtype) for _ in range(d.int(0, 2))]
    return (x, own, *weights)


def rms_norm(d: Draw):
    return layer_norm(d)[: d.pick((2, 3))]


def channels_last_dim(d: Draw, low=2):
    """An input of N, C, ... with values that vary."""
    shape = d.shape(low, 5, (1, 2, 3, 4))
    return value(d, shape, d.pick(("any", "distinct")), d.pick(DTYPES)), shape[1] if len(shape) > 1 else 1


def batch_norm(d: Draw):
    x, c = channels_last_dim(d)
    kind = d.int(0, 2)
    stats = (
        [T((c,), x.dtype, d.int(0, 99), "any"), T((c,), x.dtype, d.int(0, 99), "positive")]
        if kind
        else [None, None]
    )
    weights = [d.tensor((c,), x.dtype) for _ in range(2)] if d.chance(50) else [None, None]
    return (x, *stats, *weights, kind < 2, 0.1)


def group_norm(d: Draw):
    x, c = channels_last_dim(d)
    groups = d.pick([g for g in range(1, c + 1) if c % g == 0]) if d.chance(95) else c + 1
    return (x, groups, *([d.tensor((c,), x.dtype) for _ in range(2)] if d.chance(50) else []))


def instance_norm(d: Draw):
    return (channels_last_dim(d, 3)[0],)


def response_norm(d: Draw):
    """Of tensors in order: PyTorch refuses some of the others."""
    return replace(channels_last_dim(d, 3)[0], layout="plain"), d.int(1, 3)


def reduction(d: Draw):
    return (
        {"reduction": d.pick(("mean", "sum", "none", "none", "avg" if d.chance(5) else "mean"))}
        if d.chance(80)
        else {}
    )


def regression(d: Draw):
    """Two tensors of one shape (or of shapes that broadcast)."""
    shape = d.shape()
    dtype = d.pick(DTYPES)
    a, b = d.broadcast(2) if d.chance(15) else (shape, shape)
    return d.tensor(a, dtype), d.tensor(b, dtype), reduction(d)


def smooth(d: Draw):
    a, b, options = regression(d)
    name = d.pick(("smooth_l1_loss", "huber_loss"))
    size = {"beta": d.pick((1.0, 0.5, 0.0))} if name == "smooth_l1_loss" else {"delta": d.pick((1.0, 0.5))}
    return Call(f"nn.functional.{name}", (a, b), {**options, **size})


def binary(d: Draw):
    name = d.pick(("binary_cross_entropy", "binary_cross_entropy_with_logits"))
    shape, dtype = d.shape(), d.pick(DTYPES)
    x = d.tensor(shape, dtype, "probability" if name == "binary_cross_entropy" else "any")
    options = d.some(weight=lambda: d.tensor(shape, dtype, "positive", False))
    return Call(
        f"nn.functional.{name}",
        (x, d.tensor(shape, dtype, "probability", False)),
        {**options, **reduction(d)},
    )


def classes(d: Draw):
    """cross_entropy and nll_loss: classes as numbers, some of them ignored, or as probabilities."""
    name = d.pick(("cross_entropy", "cross_entropy", "nll_loss"))
    c = d.pick((1, 2, 3, 4))
    lead, rest = d.pick(((), (2,), (3,), (0,), (1,))), ()
    if lead and d.chance(40):
        rest = d.shape(0, 3, (1, 2, 0 if d.chance(5) else 2))
    dtype = d.pick(DTYPES)
    x = d.tensor((*lead, c, *rest), dtype)
    options = {
        **d.some(weight=lambda: d.tensor((c,), dtype, "positive", False), ignore_index=lambda: d.int(0, c)),
        **reduction(d),
    }
    if name == "cross_entropy":
        options |= d.some(label_smoothing=lambda: d.pick((0.0, 0.25)))
        if d.chance(30):
            options.pop("ignore_index", None)
            return Call(f"nn.functional.{name}", (x, d.tensor(x.shape, dtype, "probability", False)), options)
    return Call(f"nn.functional.{name}", (x, T((*lead, *rest), "int64", d.int(0, 999), (0, c))), options)


def divergence(d: Draw):
    shape, dtype = d.shape(), d.pick(DTYPES)
    how = (
        {"reduction": d.pick(("mean", "sum", "none"))}
        if d.chance(60)
        else {"reduction": "batchmean"}
        if shape
        else {}
    )
    return (
        d.tensor(shape, dtype),
        d.tensor(shape, dtype, "probability", False),
        {"log_target": d.chance(50), **how},
    )


def poisson(d: Draw):
    a, b, options = regression(d)
    return (
        a,
        T(b.shape, b.dtype, b.seed, "positive"),
        {"log_input": d.chance(50), "full": d.chance(50), **options},
    )


def gaussian(d: Draw):
    shape, dtype = d.shape(1, 3), d.pick(DTYPES[:3])
    return (
        d.tensor(shape, dtype),
        d.tensor(shape, dtype),
        d.tensor(shape, dtype, "positive"),
        {"full": d.chance(50), **reduction(d)},
    )


def signs(shape, d: Draw):
    """Targets of 1 and -1 are `where` of two numbers; here 1 alone, or -1 through a seed of its own."""
    return T(shape, "float32", d.int(0, 99), (1, 2))


def margin(d: Draw):
    shape = d.shape(0, 2)
    return (
        d.tensor(shape, "float32"),
        d.tensor(shape, "float32"),
        signs(shape, d),
        {"margin": d.pick((0.0, 0.5)), **reduction(d)},
    )


def hinge(d: Draw):
    shape = d.shape()
    return d.tensor(shape, "float32"), signs(shape, d), reduction(d)


def cosine(d: Draw):
    n, k = d.int(0, 3), d.int(1, 4)
    return d.tensor((n, k), "float32", "positive"), d.tensor((n, k), "float32"), signs((n,), d), reduction(d)


def triplet(d: Draw):
    shape = (d.int(1, 3), d.int(1, 4))
    return (
        *[d.tensor(shape, d.pick(("float32",))) for _ in range(3)],
        {"margin": d.pick((1.0, 0.5)), **reduction(d)},
    )


def multi(d: Draw):
    n, c = d.int(1, 3), d.int(1, 4)
    return (
        d.tensor((n, c), "float32"),
        T((n,), "int64", d.int(0, 99), (0, c)),
        {"p": d.pick((1, 2)), **reduction(d)},
    )


def similar(d: Draw):
    a, b = d.broadcast(2)
    dtype = d.pick(DTYPES)
    return d.tensor(a, dtype), d.tensor(b, dtype), {"dim": d.dim(max(len(a), len(b)))}


def linear(d: Draw):
    n, m, dtype = d.int(0, 4), d.int(0, 4), d.pick((*FLOATS, "complex64", "int64"))
    x = d.tensor((*d.shape(0, 3), n), dtype)
    weight = d.tensor((m, n if d.chance(95) else n + 1) if d.chance(90) else (n,), dtype)
    return (x, weight, d.tensor((m,), dtype)) if d.chance(60) and len(weight.shape) == 2 else (x, weight)


def bilinear(d: Draw):
    lead, a, b, out = d.shape(0, 2), d.int(1, 3), d.int(1, 3), d.int(1, 3)
    return d.tensor((*lead, a), "float32"), d.tensor((*lead, b), "float32"), d.tensor((out, a, b), "float32")


def embedding(d: Draw):
    n = d.int(1, 5)
    return T(d.shape(0, 3), d.pick(("int64", "int32")), d.int(0, 99), (0, n)), d.tensor((n, d.int(0, 3)), d.pick(DTYPES)), d.some(
        padding_idx=lambda: d.int(-n, n - 1)
    )  # fmt: skip


F = "nn.functional."
ACTIVATIONS = [
    (" ".join(F + n for n in "relu relu6 silu mish tanhshrink softsign logsigmoid hardswish hardsigmoid selu sigmoid tanh".split()),
     activation), (f"{F}leaky_relu", leaky), (f"{F}hardtanh", two_numbers), (f"{F}threshold", two_numbers), (f"{F}elu {F}celu", elu),
    (f"{F}softplus", softplus), (f"{F}gelu", gelu), (f"{F}prelu", prelu), (f"{F}glu", glu),
    (f"{F}softmax {F}log_softmax {F}softmin softmax log_softmax", softmax), (f"{F}softshrink {F}hardshrink", elu), (f"{F}one_hot", one_hot),
    (f"{F}linear", linear), (f"{F}bilinear", bilinear), (f"{F}embedding", embedding),
]  # fmt: skip
NORMALISATIONS = [
    (f"{F}normalize", normalize), (f"{F}layer_norm", layer_norm), (f"{F}rms_norm", rms_norm), (f"{F}batch_norm", batch_norm),
    (f"{F}group_norm", group_norm), (f"{F}instance_norm", instance_norm), (f"{F}local_response_norm", response_norm),
]  # fmt: skip
LOSSES = [
    (f"{F}mse_loss {F}l1_loss", regression), ("smooth", smooth), ("binary", binary), ("classes", classes), ("classes", classes),
    (f"{F}kl_div", divergence), (f"{F}poisson_nll_loss", poisson), (f"{F}gaussian_nll_loss", gaussian), (f"{F}soft_margin_loss", hinge),
    (f"{F}hinge_embedding_loss", hinge), (f"{F}margin_ranking_loss", margin), (f"{F}cosine_embedding_loss", cosine),
    (f"{F}triplet_margin_loss", triplet), (f"{F}multi_margin_loss", multi), (f"{F}cosine_similarity", similar),
]  # fmt: skip

test_activations = holds(ACTIVATIONS)
test_normalisations = holds(NORMALISATIONS)
test_losses = holds(LOSSES)
