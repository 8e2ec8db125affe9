"""The masked reductions and normalisations: `masked` prepares, one line per operator computes."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from .._core import dtypes
from .._core.registry import namespace
from .._core.tensor import Tensor
from ._operands import WIDENED, Masked, input_mask, masked
from ._sparse import reduce_coo

_vector_norm = namespace("linalg")["vector_norm"]

_DOC = """{what}, of the elements where `mask` is True.

    Args:
        input: a strided tensor{layouts}, or a MaskedTensor, which brings its own mask.
        dim: what is reduced, by default {all}.
        keepdim: whether reduced dimensions stay, of size 1.
        dtype: of the result, by default {dtype}.
        mask: bool, broadcastable to `input`; by default everything counts.

    Returns:
        Slices without an element that counts give {empty}.

    Raises:
        IndexError: `dim` is out of range, or the mask has more dimensions than the input.
    """

_DOC_EACH = """{what}, as if only the elements where `mask` is True were there.

    Args:
        input: a strided tensor, or a MaskedTensor, which brings its own mask.
        dim: along which.
        dtype: of the result, by default that of the input.
        mask: bool, broadcastable to `input`; by default everything counts.

    Returns:
        A tensor of the input's shape; what it holds where the mask is False is not defined.
    """


def _one(m: Masked) -> int:
    return m.dims[0]


def _prod(m: Masked) -> Tensor:
    out = m.x.to(m.dtype)
    for d in reversed(m.dims):
        out = out.prod(d, m.keepdim)
    return out


def _mean(m: Masked) -> Tensor:
    return m.x.sum(m.dims, m.keepdim, dtype=m.dtype) / m.count(m.keepdim)


def _reduction(name: str, compute: Callable[[Masked], Tensor], what: str, empty: str,
               sparse: bool = False, widens: bool = False) -> Any:  # fmt: skip
    """A masked reduction over any dimensions; with `sparse`, of COO tensors too."""

    def reduce(
        input: Any, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None
    ) -> Tensor:  # fmt: skip
        if dtype is None and widens and input.dtype.name in WIDENED:
            dtype = dtypes.int64
        m = masked(name, input, mask, dim, keepdim, dtype, sparse=sparse)
        return reduce_coo(name, m) if m.data.is_sparse else compute(m)

    doc = dict(what=what, layouts=" or a sparse COO one" if sparse else "", all="all", empty=empty)
    return _named(reduce, name, _DOC.format(dtype="int64 for integers" if widens else "the input's", **doc))


def _normalisation(name: str, like: str, compute: Callable[[Masked], Tensor], what: str) -> Any:
    """A masked operator along one dimension whose result has the input's shape; `like` names its identity."""

    def normalise(input: Any, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
        _strided(name, input)
        return compute(masked(like, input, mask, dim, True, dtype))

    return _named(normalise, name, _DOC_EACH.format(what=what))


def _named(f: Any, name: str, doc: str) -> Any:
    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return f


def _strided(name: str, input: Any) -> None:
    if input.is_sparse:
        raise ValueError(f"masked {name} expects strided tensor (got {input.layout} tensor)")


sum = _reduction(
    "sum", lambda m: m.x.sum(m.dims, m.keepdim, dtype=m.dtype), "The sum", "0", sparse=True, widens=True
)
prod = _reduction("prod", _prod, "The product", "1", sparse=True, widens=True)
amax = _reduction(
    "amax", lambda m: m.x.amax(m.dims, m.keepdim).to(m.dtype), "The maximum", "the lowest number", sparse=True
)
amin = _reduction(
    "amin",
    lambda m: m.x.amin(m.dims, m.keepdim).to(m.dtype),
    "The minimum",
    "the highest number",
    sparse=True,
)
logsumexp = _reduction(
    "logsumexp", lambda m: m.x.logsumexp(m.dims, m.keepdim).to(m.dtype), "The logarithm of the sum of `exp`", "-inf"
)  # fmt: skip

softmax = _normalisation("softmax", "amax", lambda m: m.x.softmax(_one(m), dtype=m.dtype), "The softmax")
log_softmax = _normalisation(
    "log_softmax", "amax", lambda m: m.x.log_softmax(_one(m), dtype=m.dtype), "The logarithm of the softmax"
)
softmin = _normalisation("softmin", "amin", lambda m: (-m.x).softmax(_one(m), dtype=m.dtype), "The softmax of `-input`")  # fmt: skip
cumsum = _normalisation("cumsum", "sum", lambda m: m.x.cumsum(_one(m), dtype=m.dtype), "The sums so far")
cumprod = _normalisation(
    "cumprod", "prod", lambda m: m.x.cumprod(_one(m), dtype=m.dtype), "The products so far"
)


def _arg(name: str, what: str) -> Any:
    def reduce(
        input: Any, dim: int | None = None, *, keepdim: bool | None = False, dtype: Any = None,
        mask: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        m = masked(name, input, mask, None, keepdim, dtype)
        return getattr(m.x, name)(dim, m.keepdim).to(m.dtype)

    doc = _DOC.format(what=what, layouts="", all="all, flattened", dtype="the input's", empty="0")
    return _named(reduce, name, doc)


argmax = _arg("argmax", "The index of the maximum")
argmin = _arg("argmin", "The index of the minimum")


def mean(
    input: Any, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:  # fmt: skip
    """The mean of the elements where `mask` is True; nan where there are none (see `sum` for the arguments).

    Raises:
        ValueError: the dtype is neither floating nor complex.
    """
    source, result = ("Input", input.dtype) if dtype is None else ("Optional", dtype)
    if not (result.is_floating_point or result.is_complex):
        raise ValueError(
            f"mean(): Could not infer output dtype. {source} dtype must be either a floating point or complex dtype. "
            f"Got: {result}"
        )
    if input.is_sparse:
        raise ValueError(f"masked mean expects strided or sparse_csr tensor (got {input.layout} tensor)")
    return _mean(masked("sum", input, mask, dim, keepdim, dtype))


def median(
    input: Any, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:  # fmt: skip
    """The lower median along `dim` of the elements where `mask` is True; nan where there are none.

    Raises:
        ValueError: integers, and a slice without an element that counts.
    """
    result = input.dtype if dtype is None else dtype
    floating = input.is_floating_point()
    m = masked("median", input if floating else input.to(dtypes.float32), mask, dim, keepdim, None)
    out = m.x.nanmedian(_one(m), m.keepdim).values
    if floating:
        return out
    if bool(out.isnan().any()):
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return out.to(result)


def norm(
    input: Any, ord: float | None = 2.0, dim: Any = None, *, keepdim: bool | None = False, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The vector norm of order `ord` of the elements where `mask` is True (see `sum` for the other arguments)."""
    m = masked("norm", input, mask, dim, keepdim, dtype, ord=ord)
    return _vector_norm(m.x, 2.0 if ord is None else ord, m.dims, m.keepdim, dtype=m.dtype)


def normalize(
    input: Any, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:  # fmt: skip
    """The input divided by its masked norm along `dim`, or by `eps` where that is more; zeros where masked out."""
    _strided("normalize", input)
    m = masked("sum", input, mask, dim, True, dtype)
    length = norm(input, ord, dim, keepdim=True, dtype=m.dtype, mask=mask)
    return m.x / length.maximum(length.new_full((), eps))


def logaddexp(
    input: Any, other: Any, *, dtype: Any = None, input_mask: Tensor | None = None, other_mask: Tensor | None = None
) -> Tensor:  # fmt: skip
    """`log(exp(input) + exp(other))`; what a mask leaves out adds nothing.

    Args:
        input, other: strided tensors, or MaskedTensors, which bring their own masks.
        dtype: of the result, by default that of `input`.
        input_mask, other_mask: bool, broadcastable to `input` and `other`.
    """
    if input.is_sparse or other.is_sparse:
        raise ValueError(
            f"masked logaddexp expects strided tensors (got {input.layout} tensor for input, {other.layout} for other)"
        )
    a = masked("logaddexp", input, input_mask, None, False, dtype)
    b = masked("logaddexp", other, other_mask, None, False, dtype)
    return a.x.logaddexp(b.x).to(a.dtype)


def _spread(
    name: str, input: Any, dim: Any, unbiased: bool | None, correction: Any, keepdim: Any, dtype: Any, mask: Any
) -> Tensor:  # fmt: skip
    """The variance: squares of what is left after the mean, over the count less the correction."""
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    if input.is_sparse:
        raise ValueError(f"masked std/var expects strided tensor (got {input.layout} tensor)")
    less = 1.0 if correction is None else builtins.float(correction)
    if unbiased is False:
        less = 0.0
    m = masked("sum", input, mask, dim, keepdim, dtype)
    if dtype is None and not _inexact(m.dtype):
        m.dtype = dtypes.float32
    compute = m.dtype if _inexact(m.dtype) else dtypes.float32
    centre = m.x.sum(m.dims, True, dtype=m.dtype) / m.count(True)
    rest = m.data - centre
    total = sum(rest * rest.conj(), m.dims, keepdim=m.keepdim, dtype=compute, mask=m.mask)
    count = m.count(m.keepdim)
    if less:
        count = (count.to(compute.to_real()) - less).clamp(min=0)
    return (total / count).to(m.dtype)


def _inexact(dtype: Any) -> bool:
    return dtype.is_floating_point or dtype.is_complex


def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The variance of the elements where `mask` is True; nan where there are none.

    Args:
        unbiased: whether 1 is taken off the count; or `correction`: what is taken off it, 1 by default.
        input, dim, keepdim, dtype, mask: see `sum`. The result of integers is float32.
    """
    return _spread("var", input, dim, unbiased, correction, keepdim, dtype, mask)


def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: int | None = None,
    keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The square root of `var`, with the same arguments."""
    return _spread("std", input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


_REDUCTIONS = (sum, prod, amax, amin, argmax, argmin, mean, median, norm, var, std, logsumexp)
_NORMALISATIONS = (softmax, log_softmax, softmin, normalize, cumsum, cumprod)


def output_mask(op: Any, input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Where the result of a masked operator with these arguments is defined."""
    if op in _NORMALISATIONS:
        return input_mask(input, mask=kwargs.get("mask"))
    if op not in _REDUCTIONS:
        raise ValueError(
            f"_output_mask expected masked operation (got callable {op.__module__}.{op.__name__})"
        )
    positional = args[1:] if op is norm else args
    m = masked("sum", input, kwargs.get("mask"), positional[0] if positional else kwargs.get("dim"),
               kwargs.get("keepdim", False), None)  # fmt: skip
    out = input_mask(input, mask=m.mask)
    return out.any(m.dims, m.keepdim) if m.dims else out
