"""View rows that copy: `t_copy` is `t` into memory of its own, and so on; and the `unsafe_` splits.

Each copy is derived from its view. A row of the table names the view with PyTorch's parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .._core.modes import local, no_grad
from .._core.registry import function, named
from .._core.tensor import Tensor
from .bits import view_as_complex, view_as_real
from .copying import arranged
from .parts import chunk, split, split_with_sizes, unbind
from .results import into
from .strides import wrap_dim
from .validate import c_name
from .view import (
    alias_view,
    as_strided,
    diagonal,
    expand,
    narrow,
    permute,
    select,
    slice_dim,
    squeeze,
    t,
    tensor_unfold,
    tensor_view,
    transpose,
    unsqueeze,
)

# ---- views whose Python form says something else than the copy's ---------------------------------------


def _alias(input: Tensor) -> Tensor:
    return alias_view(input)


def _detach(input: Tensor) -> Tensor:
    return input.detach()


def _expand(input: Tensor, size: Any, *, implicit: bool = False) -> Tensor:
    return expand(input, *size, implicit=implicit)


def _narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    if dim >= input.ndim > 0:  # in other words than `narrow`, and so below
        raise RuntimeError(
            "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false.  "
            "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"
        )
    if length < 0 and input.ndim:
        n = input.shape[wrap_dim(dim, input.ndim)]
        raise RuntimeError(f"start ({int(start)}) + length ({length}) exceeds dimension size ({n}).")
    return narrow(input, dim, start, length)


def _permute(input: Tensor, dims: Any) -> Tensor:
    return permute(input, *dims)


def _slice(input: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Tensor:
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    return slice_dim(input, wrap_dim(dim, input.ndim), slice(start, end, step))


def _split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    return split(input, _size(split_size), dim)


def _size(split_size: Any) -> int:
    """A size of parts; a list of sizes is for `split_with_sizes`."""
    if isinstance(split_size, (list, tuple)):
        raise TypeError(f"argument 'split_size' must be int, not {type(split_size).__name__}")
    return split_size


def _unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    return tensor_unfold(input, dimension, size, step)


def _view(input: Tensor, size: Any = None, *, dtype: Any = None) -> Tensor:
    return tensor_view(input, *((dtype,) if size is None else (size,)))


# ---- the copies --------------------------------------------------------------------------------------------

_COPIES: dict[str, Callable[..., Any]] = {
    "alias": _alias, "as_strided": as_strided, "detach": _detach, "diagonal": diagonal, "expand": _expand,
    "narrow": _narrow, "permute": _permute, "select": select, "slice": _slice, "split": _split,
    "split_with_sizes": split_with_sizes, "squeeze": squeeze, "t": t, "transpose": transpose, "unbind": unbind,
    "unfold": _unfold, "unsqueeze": unsqueeze, "view": _view, "view_as_complex": view_as_complex,
    "view_as_real": view_as_real,
}  # fmt: skip
_OUT_NAMES = {"split": "split_copy_Tensor_out()", "unbind": "unbind_copy_int_out()",
              "split_with_sizes": "split_with_sizes_copy_out"}  # fmt: skip # as PyTorch's errors have them


def _copied(view: Tensor, name: str) -> Tensor:
    """A copy of a view; its Node says which view it was."""
    out = arranged(view, None)
    if out._node is not None:
        out._node._name = name
    return out


def _write(name: str, view: Tensor, out: Tensor) -> None:
    """Puts a view's elements into the user's tensor, which must have its dtype."""
    if out.dtype is not view.dtype:
        raise RuntimeError(
            f"Expected out tensor to have dtype {c_name(view.dtype)}, but got {c_name(out.dtype)} instead"
        )
    if name == "split":  # PyTorch resizes none of these
        out.copy_(view)
        return
    if name == "narrow" and out.shape != view.shape:  # nor warns here
        out.resize_(view.shape)
    into(view, out, f"{name}_copy")


def _copy_of(name: str, view: Callable[..., Any]) -> None:
    """Publishes `name_copy`."""
    signature = inspect.signature(view)
    camel = "".join(part.capitalize() for part in name.split("_"))
    grad_name = "NarrowCopyBackward0" if name == "narrow" else f"{camel}Backward0_copy"

    def copy(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            found = view(*args, **kwargs)
            if isinstance(found, Tensor):
                return _copied(found, grad_name)
            return tuple(_copied(part, grad_name) for part in found)
        with no_grad():
            found = view(*args, **kwargs)
        if isinstance(found, Tensor):
            _write(name, found, out)
            return out
        if len(out) != len(found):
            raise RuntimeError(
                f"{_OUT_NAMES[name]} expected an out= argument of size {len(found)}, got size {len(out)}"
            )
        for part, target in zip(found, out):
            _write(name, part, target)
        return None

    shown = [p.replace(name="input") if i == 0 else p for i, p in enumerate(signature.parameters.values())]
    shown.append(inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None))
    copy.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    kind = "The same as" if not _many(name) else "The parts that"
    told = f"`{name}` returns" if _many(name) else f"`{name}`"
    doc = (
        f"{kind} {told}, in memory of {'their' if _many(name) else 'its'} own; gradients flow through.\n\n"
        "    `out` must have the dtype of `input`.\n"
    )
    named(copy, f"{name}_copy", doc).__module__ = __name__
    function(spaces=("torch", "Tensor") if name == "narrow" else ("torch",))(copy)


def _many(name: str) -> bool:
    return name in _OUT_NAMES


for _name, _row in _COPIES.items():
    _copy_of(_name, _row)


# ---- parts that autograd takes for tensors of their own ----------------------------------------------------


def _apart(name: str, parts: Callable[[Tensor], tuple[Tensor, ...]], input: Tensor) -> tuple[Tensor, ...]:
    """Parts that share memory, but that autograd knows as no views: each may be written in place.

    A write to one is a write to `input` that its history does not show.
    """
    taped = local.ctx.grad and input.requires_grad
    found = parts(input if taped else input.detach())
    for part in found:
        part._base = part._trait = None
        if part._node is not None:
            part._node._name = name
    return found


@function()
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`split` into parts of one size that autograd takes for tensors of their own.

    They may be written in place under taping; then `input` must not be used any more.
    """
    return _apart("UnsafeSplitBackward0", lambda x: split(x, _size(split_size), dim), input)


@function()
def unsafe_split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """`split_with_sizes`, its parts as those of `unsafe_split`."""
    return _apart("UnsafeSplitWithSizesBackward0", lambda x: split_with_sizes(x, split_sizes, dim), input)


@function()
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`chunk`, its parts as those of `unsafe_split`."""
    return _apart("UnsafeSplitBackward0", lambda x: chunk(x, chunks, dim), input)
