"""The text of `repr(tensor)`: NumPy values and metadata in, PyTorch's layout out.

Nothing here knows about Tensor; `tensor_str` is given a host array and what the suffix needs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_COMPLEX_OF = {"float64": "complex128"}


@dataclasses.dataclass
class PrintOptions:
    """How tensors are printed; `set_printoptions` changes the one instance, `options`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors are printed.

    Args:
        precision: digits after the decimal point (initially 4).
        threshold: tensors with more elements are summarised (1000).
        edgeitems: elements shown at both ends of a summarised dimension (3).
        linewidth: characters a line (80).
        profile: "default", "short" or "full"; the other arguments override it.
        sci_mode: True or False force scientific notation on or off; None, also when
            omitted, lets the values decide.
    """
    changes = dict(_PROFILES.get(profile, {})) if profile is not None else {}
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes.update((name, value) for name, value in given.items() if value is not None)
    for name, value in changes.items():
        setattr(options, name, value)
    options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The current options, as keyword arguments of `set_printoptions`."""
    return dataclasses.asdict(options)


@contextlib.contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """Context manager: `set_printoptions(**kwargs)`, undone at the end."""
    old = get_printoptions()
    set_printoptions(**kwargs)
    try:
        yield
    finally:
        set_printoptions(**old)


class _Column:
    """Format shared by all elements of a tensor, chosen from the elements that are shown.

    Floating values are written as integers with a point ("2."), fixed or scientific;
    every element is padded to the width of the longest one.
    """

    def __init__(self, shown: np.ndarray, floating: bool):
        self.floating = floating
        self.integral, self.scientific, self.width = True, False, 1
        if floating:
            self._choose_float_format(shown.reshape(-1).astype(np.float64, copy=False))
        else:
            self.width = max((len(str(v)) for v in shown.reshape(-1).tolist()), default=1)

    def _choose_float_format(self, values: np.ndarray) -> None:
        values = values[np.isfinite(values) & (values != 0)]
        if values.size == 0:
            return
        self.integral = bool((values == np.ceil(values)).all())
        if options.sci_mode is not None:
            self.scientific = options.sci_mode
        else:
            size = np.abs(values)
            low, high = size.min(), size.max()
            with np.errstate(over="ignore"):
                self.scientific = bool(high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4)
        pad = 1 if self.integral and not self.scientific else 0  # room for the point of "2."
        spec = self._spec()
        self.width = max(self.width, max(len(format(v, spec)) for v in values.tolist()) + pad)

    def _spec(self) -> str:
        if self.scientific:
            return f".{options.precision}e"
        return ".0f" if self.integral else f".{options.precision}f"

    def format(self, value: Any) -> str:
        if not self.floating:
            return str(value).rjust(self.width)
        text = format(value, self._spec())
        if self.integral and not self.scientific and math.isfinite(value):
            text += "."
        return text.rjust(self.width)


class _Layout:
    """Nested brackets, line breaks and "..." around the formatted elements."""

    def __init__(self, columns: Sequence[_Column], summarize: bool):
        self.columns, self.summarize = columns, summarize

    def element(self, value: Any) -> str:
        if len(self.columns) == 1:
            return self.columns[0].format(value)
        real = self.columns[0].format(value.real)
        imag = (self.columns[1].format(value.imag) + "j").lstrip()
        return real + imag if imag[0] in "+-" else f"{real}+{imag}"

    def vector(self, array: np.ndarray, indent: int) -> str:
        step = self.columns[0].width + 2
        if len(self.columns) == 2:
            step += self.columns[1].width + 1  # the "j"
        per_line = max(1, (options.linewidth - indent) // step)
        edge = options.edgeitems
        if self.summarize and not edge:
            items = ["..."]
        elif self.summarize and array.shape[0] > 2 * edge:
            head, tail = array[:edge].tolist(), array[-edge:].tolist()
            items = [*map(self.element, head), " ...", *map(self.element, tail)]
        else:
            items = [self.element(v) for v in array.tolist()]
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"

    def nested(self, array: np.ndarray, indent: int) -> str:
        if array.ndim == 0:
            return self.element(array.item())
        if array.ndim == 1:
            return self.vector(array, indent)
        edge, size = options.edgeitems, array.shape[0]
        if self.summarize and size > 2 * edge:
            parts = [self.nested(array[i], indent + 1) for i in range(edge)]
            parts.append("...")
            parts += [self.nested(array[i], indent + 1) for i in range(size - edge, size)]
        else:
            parts = [self.nested(row, indent + 1) for row in array]
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _edges(array: np.ndarray) -> np.ndarray:
    """The elements that a summary shows."""
    if array.ndim > 1 and not options.edgeitems:
        return array[(slice(0),) * array.ndim]
    for axis, size in enumerate(array.shape):
        if size > 2 * options.edgeitems > 0:
            shown = np.r_[: options.edgeitems, size - options.edgeitems : size]
            array = np.take(array, shown, axis)
    return array


def contents_str(array: np.ndarray, indent: int) -> str:
    """The bracketed values of `array`; `indent` is how far its first bracket stands from the left."""
    if array.size == 0:
        return "[]"
    kind = array.dtype.kind
    floating = kind not in "biuc"
    if floating and kind != "f":
        array = array.astype(np.float32)  # bfloat16 and the 8-bit floats: exact, and tolist() gives floats
    summarize = array.size > options.threshold
    shown = _edges(array) if summarize else array
    if kind == "c":
        columns = [_Column(np.real(shown), True), _Column(np.imag(shown), True)]
    else:
        columns = [_Column(shown, floating)]
    return _Layout(columns, summarize).nested(array, indent)


def _with_suffixes(text: str, suffixes: list[str], indent: int, length: int | None = None) -> str:
    """Appends `, suffix` to each other, on a new line where the line (so far of `length`) would become too long."""
    length = len(text) - text.rfind("\n") + 1 if length is None else length
    for suffix in suffixes:
        if length + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


def tensor_str(
    array: np.ndarray | None,
    dtype_name: str,
    device: str = "cpu",
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    *,
    class_name: str = "Tensor",
    is_parameter: bool = False,
    default_dtype_name: str = "float32",
    shape: Sequence[int] | None = None,
    tangent: Any = None,
    contents: str | None = None,
) -> str:
    """`repr` of a tensor, character for character PyTorch's.

    Args:
        array: the values on the host; None for a meta tensor (then `shape` is needed).
        dtype_name: "float32", without "torch.".
        device: "cpu", "cuda:0", ...; anything but the CPU is printed.
        requires_grad: printed when there is no `grad_fn_name`.
        grad_fn_name: "AddBackward0" or None.
        class_name: name of the tensor's class; "Tensor" and "Parameter" print as "tensor(".
        is_parameter: the tensor is a Parameter of a class of its own.
        default_dtype_name: the default dtype, which is not printed.
        shape: shape, where `array` does not give it.
        tangent: forward-mode tangent, printed with `str`.
        contents: replaces the bracketed values.
    """
    plain = class_name in ("Tensor", "Parameter")
    prefix = "tensor(" if plain else f"{class_name}("
    dims = tuple(int(n) for n in (array.shape if shape is None and array is not None else shape or ()))
    quiet = (default_dtype_name, _COMPLEX_OF.get(default_dtype_name, "complex64"), "int64", "bool")
    suffixes = [] if device == "cpu" else [f"device='{device}'"]
    if array is None:
        body, show_size, show_dtype = "...", True, dtype_name != default_dtype_name
    elif array.size == 0:
        body, show_size, show_dtype = "[]", len(dims) != 1, dtype_name != default_dtype_name
    else:
        body = contents_str(array, len(prefix)) if contents is None else ""
        show_size, show_dtype = not options.edgeitems, dtype_name not in quiet
    if show_size:
        suffixes.append(f"size={dims}")
    if show_dtype:
        suffixes.append(f"dtype=torch.{dtype_name}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    if tangent is not None:
        suffixes.append(f"tangent={tangent}")
    text = _with_suffixes(prefix + (body if contents is None else contents), suffixes, len(prefix))
    return f"Parameter({text})" if is_parameter and not plain else text


def sparse_str(
    parts: Mapping[str, np.ndarray],
    size: Sequence[int],
    nnz: int,
    kind: str,
    dtype_name: str,
    device: str = "cpu",
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    default_dtype_name: str = "float32",
) -> str:
    """`repr` of a sparse tensor, character for character PyTorch's.

    Args:
        parts: index tensors and values on the host, by the names they are printed with.
        size: the tensor's shape; nnz: how many entries are printed.
        kind: "coo", "csr", ...; the rest as for `tensor_str`.
    """
    prefix = "tensor("
    indent = len(prefix)
    shown = []
    for name, array in parts.items():
        head = f"{name}=tensor("
        tail = f", size={tuple(array.shape)}" if array.size == 0 else ""
        shown.append(head + contents_str(array, indent + len(head)) + tail + ")")
    suffixes = [
        *([f"device='{device}'"] if device != "cpu" else []),
        f"size={tuple(int(n) for n in size)}",
        f"nnz={nnz}",
    ]
    if dtype_name not in (
        default_dtype_name,
        _COMPLEX_OF.get(default_dtype_name, "complex64"),
        "int64",
        "bool",
    ):
        suffixes.append(f"dtype=torch.{dtype_name}")
    suffixes.append(f"layout=torch.sparse_{kind}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    if kind == "coo":  # the first one on a line of its own
        shown.append(suffixes.pop(0))
    text = prefix + (",\n" + " " * indent).join(shown)
    return _with_suffixes(text, suffixes, indent, indent + len(shown[-1]) if kind == "coo" else None)
