"""Arguments of the pooling rows: windows from PyTorch's arguments, and the errors of each kernel."""

from __future__ import annotations

import math
from typing import Any

from .._core.registry import function
from .lowering.windows import Windows
from .reduce_loss import check_mean_dtype
from .validate import not_implemented, shape_text, wrap_dim

FUNCTIONAL = ("nn.functional",)
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
_WORDS = {1: "one", 2: "two", 3: "three"}
_MSG_EMPTY = (
    "Expected {a}D or {b}D (batch mode) tensor with optional 0 dim batch size for input, but got:{size}"
)
_MSG_EMPTY_3D = (
    "max_pool3d_with_indices_out_cpu_template(): Expected input's non-batch dimensions to have positive "
    "length, but input has a shape of {} and non-batch dimension 0 has length zero!"
)
_MSG_SMALL = "Given input size: ({input}). Calculated output size: ({output}). Output size is too small"
_MSG_PAD = (
    "pad should be at most half of effective kernel size, but got pad={}, kernel_size={} and dilation={}"
)


def cross(sizes: Any) -> str:
    """Sizes as `2x3x4`."""
    return "x".join(map(str, sizes))


def axes(value: Any, rank: int) -> tuple[int, ...]:
    """`rank` ints from an int or a sequence of 1 or `rank` ints."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * rank if len(values) == 1 else values


def strides(stride: Any, kernel: Any) -> Any:
    """The stride, which is the kernel's size where none is given."""
    return kernel if stride is None or stride == () else stride


def _length(n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> int:
    out = (n + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
    # the last window must start inside the input or its left padding
    return out - 1 if ceil_mode and (out - 1) * s >= n + p else out


def windows(
    space: Any, kernel: Any, stride: Any, padding: Any, dilation: Any = 1, ceil_mode: bool = False
) -> Windows:
    """The windows over an input's spatial shape, from a row's arguments."""
    rank = len(space)
    kernel, stride = axes(kernel, rank), axes(strides(stride, kernel), rank)
    padding, dilation = axes(padding, rank), axes(dilation, rank)
    out = tuple(map(_length, space, kernel, stride, padding, dilation, (ceil_mode,) * rank))
    high = (
        (o - 1) * s + d * (k - 1) + 1 - n - p
        for n, k, s, p, d, o in zip(space, kernel, stride, padding, dilation, out, strict=True)
    )
    return Windows(kernel, stride, tuple(zip(padding, high, strict=True)), dilation, out)


def document(template: str, rank: int) -> str:
    """A docstring for `rank` spatial axes."""
    names = "DHW"[3 - rank :]
    return template.format(
        rank=rank, axes=("one axis", "two axes", "three axes")[rank - 1], space=", ".join(names),
        out=", ".join(f"{n}out" for n in names),
    )  # fmt: skip


def published(fn: Any, name: str, spaces: tuple[str, ...], doc: str | None = None) -> Any:
    """Names, documents and publishes a function of several spaces or made for one number of axes."""
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = doc or fn.__doc__
    return function(spaces=spaces, name=name)(fn)


def boolean_dispatch(
    arg_name: str,
    arg_index: int,
    default: bool,
    if_true: Any,
    if_false: Any,
    module_name: str | None,
    func_name: str | None,
) -> Any:
    """A function that passes its arguments to one of two, as a boolean among them says.

    Args:
        arg_name, arg_index: name and position of that argument; `default`: its value where it is not given.
        if_true, if_false: the two functions, which take it too.
        module_name, func_name: `__module__` and `__name__` of the result, which has `if_true`'s documentation unless
            only `if_false` has one.

    Raises:
        RuntimeError: both have a documentation.
    """

    def fn(*args: Any, **kwargs: Any) -> Any:
        chosen = args[arg_index] if arg_index < len(args) else kwargs.get(arg_name, default)
        return if_true(*args, **kwargs) if chosen else if_false(*args, **kwargs)

    if if_true.__doc__ is not None and if_false.__doc__ is not None:
        raise RuntimeError("only one function can have a docstring")
    fn.__doc__ = if_false.__doc__ if if_true.__doc__ is None else if_true.__doc__
    if module_name is not None:
        fn.__module__ = module_name
    if func_name is not None:
        fn.__name__ = func_name
    return fn


def indices_on_request(name: str, at: int, with_indices: Any, values: Any, doc: str) -> Any:
    """Publishes `name` and `name_with_indices` in nn.functional: `return_indices`, the argument at `at`, chooses."""
    published(with_indices, f"{name}_with_indices", FUNCTIONAL, doc)
    values.__name__ = values.__qualname__ = f"_{name}"
    chooser = boolean_dispatch("return_indices", at, False, with_indices, values, values.__module__, name)
    return published(chooser, name, FUNCTIONAL)


def filled(output_size: Any, shape: Any, rank: int) -> Any:
    """`output_size` with None replaced by the input's size."""
    if output_size is None or isinstance(output_size, int):
        return output_size if output_size is not None else tuple(shape[len(shape) - rank :])
    sizes = tuple(output_size)
    if len(shape) <= len(sizes):
        raise ValueError(f"Input dimension should be at least {len(sizes) + 1}")
    if None not in sizes:
        return sizes
    return tuple(n if o is None else o for o, n in zip(sizes, shape[len(shape) - len(sizes) :], strict=True))


def check_floating(kernel: str, input: Any, integers: tuple[str, ...] = ()) -> None:
    """NotImplementedError unless the input is real floating or of one of `integers`."""
    if not input.dtype.is_floating_point and input.dtype.name not in integers:
        raise not_implemented(kernel, input.dtype)


def _check_lengths(name: str, rank: int, **params: Any) -> None:
    for what, value in params.items():
        if what == "stride" and (value is None or value == ()):
            continue
        if not isinstance(value, int) and len(value) not in (1, rank):
            either = {"stride": "either be omitted,", "dilation": "be either"}.get(what, "either be")
            raise RuntimeError(
                f"{name}: {what} must {either} a single int, or a tuple of {_WORDS[rank]} ints"
            )


def _check_rank(name: str, input: Any, rank: int) -> None:
    if input.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(f"non-empty {rank + 1}D or {rank + 2}D (batch mode) tensor expected for input")


def check_windows(
    name: str,
    rank: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> None:
    """The errors that maximum and mean pooling share, in PyTorch's order."""
    space = input.shape[input.ndim - rank :]
    kernel, stride = axes(kernel_size, rank), axes(strides(stride, kernel_size), rank)
    padding, dilation = axes(padding, rank), axes(dilation, rank)
    if any(s == 0 for s in stride):
        raise RuntimeError("stride should not be zero")
    for p, k, d in zip(padding, kernel, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(_MSG_PAD.format(p, k, d))
    if any(k <= 0 for k in kernel):
        got = " ".join(f"k{axis}: {k}" for axis, k in zip("THW"[3 - rank :], kernel, strict=True))
        raise RuntimeError(f"kernel size should be greater than zero, but got {got}")
    if any(d <= 0 for d in dilation):
        got = " ".join(f"dilation{axis}: {d}" for axis, d in zip("THW"[3 - rank :], dilation, strict=True))
        raise RuntimeError(f"dilation should be greater than zero, but got {got}")
    if 0 in input.shape[1:] or (input.ndim == rank + 1 and 0 in input.shape):
        if name == "max_pool3d":
            raise RuntimeError(_MSG_EMPTY_3D.format(shape_text(input.shape)))
        raise RuntimeError(_MSG_EMPTY.format(a=rank + 1, b=rank + 2, size=shape_text(input.shape)))
    if name == "avg_pool3d" and math.prod(space) and any(n < k for n, k in zip(space, kernel)):
        a, b = (
            " ".join(f"{p}{x}: {n}" for x, n in zip("THW", sizes))
            for p, sizes in (("", space), ("k", kernel))
        )
        raise RuntimeError(f"input image ({a}) smaller than kernel size ({b})")
    out = windows(space, kernel, stride, padding, dilation, ceil_mode).out
    if min(out) < 1:
        planes = input.shape[input.ndim - rank - 1]
        between = (1,) * (rank == 1)  # PyTorch pools one dimension as images of height 1
        given, got = (cross((planes, *between, *sizes)) for sizes in (space, out))
        raise RuntimeError(_MSG_SMALL.format(input=given, output=got))


def check_max(rank: int, with_indices: bool) -> Any:
    """The row check of `max_pool{rank}d`; over one axis the wording depends on `with_indices`."""
    name = f"max_pool{rank}d"

    def check(
        input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
    ) -> None:
        if rank == 1:
            _check_line(input)
        if rank == 1 and not with_indices:
            _check_max1d(input, kernel_size, stride, padding, dilation, ceil_mode)
            check_floating("max_pool1d_impl", input)
            return
        _check_lengths(name, rank, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
        _check_rank(name, input, rank)
        check_windows(name, rank, input, kernel_size, stride, padding, dilation, ceil_mode)
        check_floating(name if rank > 1 else "max_pool2d", input, INTEGERS)

    return check


def _check_line(input: Any) -> None:
    if input.ndim not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, "
            f"but got:{shape_text(input.shape)}"
        )


def _check_max1d(
    input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> None:
    """`max_pool1d` alone words its errors in its own way."""
    given = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
    for what, value in given.items():
        if value is not None and not isinstance(value, int) and len(value) > 1:
            lists = "an int, list of ints or tuple of ints"
            if what in ("stride", "padding"):
                lists = "an int, list of ints, or tuple of ints"
            none = "None, " if what == "stride" else ""
            raise RuntimeError(
                f"max_pool1d() {what} must be {none}{lists} of size 1 but got size {len(value)}"
            )
    (k,), (s,), (p,), (d,) = (
        axes(v, 1) for v in (kernel_size, strides(stride, kernel_size), padding, dilation)
    )
    for what, v in (("kernel_size", k), ("stride", s)):
        if v <= 0:
            raise RuntimeError(f"max_pool1d() {what} must be greater than zero, but got {v}")
    if p < 0:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {p}")
    if p > k // 2:
        raise RuntimeError(
            "max_pool1d() padding should be at most half of kernel size, "
            f"but got padding={p} and kernel_size={k}"
        )
    if d <= 0:
        raise RuntimeError(f"max_pool1d() dilation must be greater than zero, but got {d}")
    out = windows(input.shape[-1:], k, s, p, d, ceil_mode).out[0]
    if out <= 0:
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {out}")


def check_avg(rank: int) -> Any:
    """The row check of `avg_pool{rank}d`."""
    name = f"avg_pool{rank}d"

    def check(
        input: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
        divisor_override: Any = None,
    ) -> None:  # fmt: skip
        if rank == 1:
            for what, value in {"kernel_size": kernel_size, "stride": stride, "padding": padding}.items():
                if value is not None and not isinstance(value, int) and len(value) > 1:
                    raise RuntimeError(
                        f"{name}() argument '{what}' should contain one int (got {len(value)})"
                    )
            check_batched_line(name, input)
        else:
            _check_lengths(name, rank, kernel_size=kernel_size, stride=stride, padding=padding)
            if rank == 2 and input.ndim < 3:
                wrap_dim(-3, input.ndim)
            _check_rank(name, input, rank)
        if divisor_override == 0:
            raise RuntimeError("divisor must be not zero")
        check_windows(name, rank, input, kernel_size, stride, padding, 1, ceil_mode)
        kernel = "avg_pool3d_out_frame" if rank == 3 else "avg_pool2d"
        if rank == 3 and input.dtype.name in ("float16", "bfloat16"):
            raise not_implemented(kernel, input.dtype)
        check_floating(kernel, input, ("int64",))

    return check


def check_batched_line(name: str, input: Any) -> None:
    """The error of the one-axis forms for an input that is not (C, L) or (N, C, L)."""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' "
            f"(while checking arguments for {name})"
        )


def check_adaptive(kind: str, rank: int) -> Any:
    """The row check of `adaptive_{kind}_pool{rank}d`."""
    name = f"adaptive_{kind}_pool{rank}d"

    def check(input: Any, output_size: Any) -> None:
        sizes = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)
        if rank == 1:
            if len(sizes) != 1:
                raise RuntimeError(
                    f"{name}() argument 'output_size' should contain one int (got {len(sizes)})"
                )
            check_batched_line(name, input)
        elif len(sizes) != rank:
            raise RuntimeError(
                f"{name}: output_size must be {rank}"
                if kind == "avg"
                else f"{name}(): internal error: output_size.size() must be {rank}"
            )
        elif input.ndim not in (rank + 1, rank + 2):
            got = "got" if kind == "avg" else "got:"
            expected = f"{rank + 1}D or {rank + 2}D"
            raise RuntimeError(f"{name}(): Expected {expected} tensor, but {got} {shape_text(input.shape)}")
        if any(n < 0 for n in sizes):
            if kind == "max":
                shape = shape_text((*input.shape[: input.ndim - rank], *sizes))
                raise RuntimeError(f"Trying to create tensor with negative dimension {min(sizes)}: {shape}")
            got = ", ".join(map(str, sizes))
            raise RuntimeError(
                f"{name}: elements of output_size must be greater than or equal to 0 but received {{{got}}}"
            )
        first = input.ndim - rank - (1 if kind == "max" else 0)
        for axis in range(first, input.ndim):
            if axis > 0 and input.shape[axis] == 0:
                raise RuntimeError(
                    f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has "
                    f"sizes {shape_text(input.shape)} with dimension {axis} being empty"
                )
        if kind == "avg" and rank > 1 and all(n == 1 for n in sizes):  # PyTorch takes the mean
            check_mean_dtype(input.dtype, "mean")
            return
        check_floating(name if rank > 1 else f"adaptive_{kind}_pool2d", input)

    return check
