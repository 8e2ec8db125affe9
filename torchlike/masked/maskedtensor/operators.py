"""What operators do with MaskedTensors: tables of names, and one function per kind of operator.

An operator is called on the data, taped or not, and its result gets a mask: the operand's own (unary), the one both
operands share (binary), what the same operator makes of the mask (shapes and views), or where anything is left
(reductions).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._core import dtypes
from ..._core.tensor import Tensor
from .. import _reductions
from .core import MaskedTensor, handles, is_masked_tensor, values_of

UNARY = (
    "abs absolute acos arccos acosh arccosh angle asin arcsin asinh arcsinh atan arctan atanh arctanh bitwise_not ceil "
    "clamp clip conj_physical cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 fix floor frac i0 isnan lgamma "
    "log log10 log1p log2 logit nan_to_num neg negative positive pow rad2deg reciprocal round rsqrt sgn sigmoid sign "
    "signbit sin sinc sinh sqrt square tan tanh trunc"
).split()
BINARY = (
    "add arctan2 atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor div divide eq "
    "floor_divide fmax fmin fmod ge greater greater_equal gt le less less_equal logaddexp logaddexp2 lt maximum minimum "
    "mul multiply ne nextafter not_equal remainder sub subtract true_divide"
).split()
_OUT_OF_PLACE = (
    "angle",
    "fmax",
    "fmin",
    "isnan",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "positive",
    "signbit",
)
SHAPES = (
    "__getitem__ atleast_1d atleast_2d atleast_3d broadcast_to cat chunk concat concatenate dsplit expand expand_as "
    "flatten fold hsplit index movedim moveaxis narrow permute ravel reshape reshape_as select slice split split_with_sizes squeeze stack swapaxes swapdims t "
    "tensor_split transpose unbind unflatten unfold unsqueeze view view_as vsplit"
).split()  # what PyTorch makes of select, slice, view, expand, transpose, cat and the like
REDUCTIONS = "all amax amin argmax argmin mean prod sum".split()
_CASTS = "to double float half int long short bool char type cpu cuda type_as".split()


def _parts(x: Any, part: Callable[[MaskedTensor], Any]) -> Any:
    """Nested arguments with each MaskedTensor replaced by its data or its mask."""
    if is_masked_tensor(x):
        return part(x)
    if isinstance(x, (list, tuple)):
        return type(x)(_parts(v, part) for v in x)
    return x


def _data(t: MaskedTensor) -> Any:
    return t._masked_data


def _mask(t: MaskedTensor) -> Any:
    return t._masked_mask


def _wrapped(data: Any, mask: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return type(data)(_wrapped(d, m) for d, m in zip(data, mask))
    return MaskedTensor.of(data, mask)


def same_mask(a: Any, b: Any) -> bool:
    """Whether two masks select the same elements."""
    if a is b or (not a.is_sparse and not b.is_sparse and a._read() is b._read()):
        return True
    if a.is_sparse != b.is_sparse or a.dim() != b.dim():
        return False
    if a.is_sparse:
        same_places = a._nnz() == b._nnz() and bool((a.indices() == b.indices()).all())
        return same_places and bool((a.values() == b.values()).all())
    return bool((a == b).all())


def _no_options(kwargs: Any, message: str) -> None:
    if kwargs:
        raise ValueError(message)


@handles(*UNARY)
def _unary(func: Any, *args: Any, **kwargs: Any) -> Any:
    given = {k: v for k, v in kwargs.items() if k not in ("min", "max") or func.__name__ not in _CLAMPS}
    _no_options(
        given,
        "MaskedTensor unary ops require that len(kwargs) == 0. If you need support for this, please open an issue on Github.",
    )
    if any(isinstance(a, Tensor) for a in (*args[1:], *kwargs.values())):
        raise TypeError("MaskedTensor unary ops do not support additional Tensor arguments")
    x = args[0]
    data = x._masked_data
    values = func(values_of(data), *args[1:], **kwargs)
    return MaskedTensor.of(data.like(values) if data.is_sparse else values, x._masked_mask)


_CLAMPS = ("clamp", "clip", "clamp_", "clip_")


@handles(*[f"{n}_" for n in UNARY if n not in _OUT_OF_PLACE])
def _unary_inplace(func: Any, *args: Any, **kwargs: Any) -> Any:
    _unary(func, *args, **kwargs)  # writes into the data
    return args[0]


def _operands(args: Any, kwargs: Any) -> list[Any]:
    """The plain operands of a binary operator, whose masks and layouts must match."""
    _no_options(kwargs, "len(kwargs) must equal 0")
    if any(isinstance(a, Tensor) for a in args[2:]):
        raise TypeError("MaskedTensor binary ops do not support Tensor arguments aside from the lhs and rhs")
    masks = [a._masked_mask for a in args[:2] if is_masked_tensor(a)]
    if not same_mask(masks[0], masks[-1]):
        raise ValueError(
            "Input masks must match. If you need support for this, please open an issue on Github."
        )
    plain = [_parts(a, _data) for a in args]
    if isinstance(plain[0], Tensor) and plain[0].is_sparse:
        if isinstance(plain[1], Tensor):
            if not plain[1].is_sparse:
                raise TypeError(
                    "a sparse MaskedTensor goes with sparse MaskedTensors and numbers; call .to_dense()"
                )
            if plain[0].shape != plain[1].shape:
                raise ValueError("input1 and input2 must have the same size for binary functions.")
            if not same_mask(plain[0].indices(), plain[1].indices()):
                raise ValueError(
                    "sparse_coo indices must match. If you need support for this, please open an issue on Github."
                )
        plain[1] = values_of(plain[1])
    return plain


@handles(*BINARY, *[f"{n}_" for n in BINARY if n not in _OUT_OF_PLACE])
def _binary(func: Any, *args: Any, **kwargs: Any) -> Any:
    plain = _operands(args, kwargs)
    first, mask = plain[0], next(a._masked_mask for a in args[:2] if is_masked_tensor(a))
    if func.__name__.endswith("_"):
        if not is_masked_tensor(args[0]):
            raise TypeError(
                f"{func.__name__} of a Tensor does not take a MaskedTensor; write into a MaskedTensor"
            )
        func(values_of(first), *plain[1:])
        return args[0]
    if isinstance(first, Tensor) and first.is_sparse:
        return MaskedTensor.of(first.like(func(values_of(first), *plain[1:])), mask)  # type: ignore[attr-defined]
    result = func(*plain)
    return MaskedTensor.of(result, mask if mask.shape == result.shape else mask.expand_as(result))


@handles("rsub", "__rsub__")
def _rsub(func: Any, input: Any, other: Any) -> Any:
    return (-input) + other


@handles("__rtruediv__", "__rdiv__")
def _rdiv(func: Any, input: Any, other: Any) -> Any:
    return input.reciprocal() * other


@handles(*SHAPES)
def _shape(func: Any, *args: Any, **kwargs: Any) -> Any:
    def call(part: Any) -> Any:
        return func(*_parts(args, part), **{k: _parts(v, part) for k, v in kwargs.items()})

    return _wrapped(call(_data), call(_mask))


def _reduced(name: str, input: MaskedTensor, dim: Any = None, keepdim: bool = False, **options: Any) -> Any:
    """A reduction; the result is there where anything was. Of sparse tensors over all dimensions only."""
    if input.is_sparse:
        if dim is not None:
            raise TypeError(
                f"The sparse version of {name} is not implemented in reductions: call .to_dense() first"
            )
        return _reduced_sparse(name, input, options)
    data, mask = input._masked_data, input._masked_mask
    if name == "all":
        result = data.masked_fill(~mask, True).all(dim, keepdim)
    else:
        result = getattr(_reductions, name)(data, dim=dim, keepdim=keepdim, mask=mask, **options)
    return MaskedTensor.of(result, mask.any(dim, keepdim))


def _reduced_sparse(name: str, input: Any, options: Any) -> Any:
    data, mask = input._masked_data, input._masked_mask
    out = _reduced(name, MaskedTensor.of(data.values(), mask.values()), **options)
    if name in ("argmin", "argmax"):  # the place of the entry, counted over the whole tensor
        place = data.indices()[:, out._masked_data.to(dtypes.int64)]
        flat = place[0]
        for n, i in zip(input.shape[1:], place[1:]):
            flat = flat * n + i
        out = MaskedTensor.of(flat.to(dtypes.get_default_dtype()), out._masked_mask)
    return out


@handles(*REDUCTIONS)
def _reduction(func: Any, *args: Any, **kwargs: Any) -> Any:
    return _reduced(func.__name__, *args, **kwargs)


@handles("std", "var")
def _deviation(func: Any, input: MaskedTensor, dim: Any, keepdim: bool, correction: float = 1) -> Any:
    return _reduced(func.__name__, input, dim, keepdim, correction=correction)


@handles("vector_norm")
def _norm(func: Any, input: MaskedTensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None,
          out: None = None) -> Any:  # fmt: skip
    return _reduced("norm", input, dim, keepdim, ord=ord, dtype=dtype)


@handles("softmax")
def _softmax(func: Any, input: MaskedTensor, dim: Any = None, *rest: Any, dtype: Any = None, **_: Any) -> Any:
    result = _reductions.softmax(input._masked_data, dim, dtype=dtype, mask=input._masked_mask)
    return MaskedTensor.of(result, input._masked_mask)


@handles("promoted")
def _promoted(func: Any, *args: Any) -> Any:
    masks = [_mask(a) if is_masked_tensor(a) else True for a in args]
    return tuple(MaskedTensor.of(d, d.new_full(d.shape, True, dtype=dtypes.bool_) if m is True else m)
                 for d, m in zip(func(*_parts(args, _data)), masks))  # fmt: skip


@handles("where")
def _where(func: Any, *args: Any) -> Any:
    masks = [_data(a) if is_masked_tensor(a) else a for a in args[:1]] + [_mask(a) for a in args[1:]]
    return MaskedTensor.of(func(*_parts(args, _data)), func(*masks))


@handles("clone", "contiguous")
def _copied(func: Any, input: MaskedTensor, *args: Any, **kwargs: Any) -> Any:
    if func.__name__ == "contiguous" and input.is_sparse:
        raise ValueError("MaskedTensors with sparse data do not have contiguous")
    return MaskedTensor.of(func(input._masked_data, *args, **kwargs), input._masked_mask)


@handles("ones_like")
def _ones_like(func: Any, input: MaskedTensor, **kwargs: Any) -> Any:
    return MaskedTensor.of(func(input._masked_data, **kwargs), input._masked_mask)


@handles(*_CASTS)
def _cast(func: Any, input: MaskedTensor, *args: Any, **kwargs: Any) -> Any:
    data = func(input._masked_data, *_parts(args, _data), **kwargs)
    return MaskedTensor.of(data, input._masked_mask.to(data.device))


@handles("copy_")
def _copy_(func: Any, input: Any, source: Any, *rest: Any) -> Any:
    if is_masked_tensor(input) and is_masked_tensor(source) and not same_mask(_mask(input), _mask(source)):
        raise ValueError("args[0] mask and args[1] mask must match but do not")
    func(_parts(input, _data), _parts(source, _data), *rest)
    return input


@handles("is_same_size")
def _is_same_size(func: Any, input: Any, other: Any) -> bool:
    return input.shape == other.shape
