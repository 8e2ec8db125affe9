"""Makes one batch of a list of samples.

Numbers and CPU data are put together in NumPy and become a Tensor by one copy. In a worker
process the batch stays in NumPy (`host_collate`): it becomes Tensors in the main process.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ...._core import dtypes
from ...._core.host import aligned_empty, host_array, own
from ...._core.tensor import Tensor, from_numpy_copy, from_numpy_shared
from ....ops.creation import tensor as make_tensor
from ....ops.shape import stack
from .host import HostTensor

CollateMap = dict[Any, Callable[..., Any]]

default_collate_err_msg_format = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)
_NO_TENSOR = "SaUO"  # kinds of arrays that hold text or objects


def default_convert(data: Any) -> Any:
    """`data` with every NumPy array and number inside turned into a Tensor that shares its memory.

    Mappings, sequences and named tuples keep their type; anything else is returned as it is.
    """
    kind = type(data)
    if isinstance(data, Tensor):
        return data
    if kind.__module__ == "numpy" and kind.__name__ not in ("str_", "string_", "bytes_"):
        if isinstance(data, np.ndarray):
            return data if data.dtype.kind in _NO_TENSOR else from_numpy_shared(data)
        return from_numpy_copy(np.asarray(data))
    if isinstance(data, Mapping):
        return _same_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple):
        items = [default_convert(d) for d in data]
        return kind(*items) if hasattr(data, "_fields") else items
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _same_sequence(data, [default_convert(d) for d in data])
    return data


def _same_mapping(original: Any, items: dict[Any, Any]) -> Any:
    """`items` in a mapping like `original`, with its further attributes where it has any."""
    try:
        if isinstance(original, MutableMapping):
            clone = copy.copy(original)
            clone.update(items)
            return clone
        return type(original)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def _same_sequence(original: Any, items: list[Any]) -> Any:
    """`items` in a sequence like `original`, with its further attributes where it has any."""
    try:
        if isinstance(original, MutableSequence):
            clone = copy.copy(original)
            for i, item in enumerate(items):
                clone[i] = item
            return clone
        return type(original)(items)
    except TypeError:
        return items


def collate(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Collates a list of samples of equal structure.

    Args:
        batch: the samples.
        collate_fn_map: {type or tuple of types: fn(samples, collate_fn_map=...)}; the first entry
            that fits is used, then mappings, named tuples and sequences are collated field by field.

    Raises:
        RuntimeError: sequences of different lengths.
        TypeError: a type that nothing knows how to collate.
    """
    elem = batch[0]
    if collate_fn_map is not None:
        fn = collate_fn_map.get(type(elem))
        if fn is None:
            fn = next((f for kind, f in collate_fn_map.items() if isinstance(elem, kind)), None)
        if fn is not None:
            return fn(batch, collate_fn_map=collate_fn_map)
    if isinstance(elem, Mapping):
        fields = {key: collate([d[key] for d in batch], collate_fn_map=collate_fn_map) for key in elem}
        return _same_mapping(elem, fields)
    if isinstance(elem, tuple) and hasattr(elem, "_fields"):
        return type(elem)(*(collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)))
    if isinstance(elem, Sequence):
        if any(len(d) != len(elem) for d in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]
        return columns if isinstance(elem, tuple) else _same_sequence(elem, columns)
    raise TypeError(default_collate_err_msg_format.format(type(elem)))


def stack_arrays(arrays: list[np.ndarray]) -> np.ndarray:
    """`arrays` stacked along a new first axis, with PyTorch's dtype promotion and error."""
    first = arrays[0]
    wanted = dtypes.from_jnp(first.dtype)
    for i, a in enumerate(arrays):
        if a.shape != first.shape:
            raise RuntimeError(
                "stack expects each tensor to be equal size, "
                f"but got {list(first.shape)} at entry 0 and {list(a.shape)} at entry {i}"
            )
        if a.dtype != first.dtype:
            wanted = dtypes.promote_types(wanted, dtypes.from_jnp(a.dtype))
    out = aligned_empty((len(arrays), *first.shape), wanted.jnp)
    for row, a in zip(out if first.shape else out.reshape(-1, 1), arrays):
        row[...] = a
    return out


def number_array(batch: Sequence[Any]) -> np.ndarray | None:
    """Python numbers as `torch.tensor(batch)` would hold them; None if something else is among them."""
    kinds = set(map(type, batch))
    if kinds == {bool}:
        return np.array(batch, np.bool_)
    if kinds <= {int, bool}:
        try:
            return np.array(batch, np.int64)
        except OverflowError:
            raise ValueError("Overflow when unpacking long long") from None
    if kinds <= {int, bool, float}:
        return np.array(batch, dtypes.get_default_dtype().jnp)
    return None


def _functions(emit: Callable[[np.ndarray], Any], force: bool) -> CollateMap:
    """The collate functions; `emit` turns a batch in NumPy into what is returned.

    With `force`, pending samples are computed; otherwise stacking joins what is pending.
    """

    def collate_tensor_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
        """Tensors: stacked along a new first dimension."""
        arrays = [host_array(t, force) for t in batch]
        if all(a is not None for a in arrays):
            return emit(stack_arrays(arrays))  # type: ignore[arg-type]
        return stack(list(batch), 0)

    def collate_numpy_array_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
        """Arrays: stacked, as a Tensor."""
        if batch[0].dtype.kind in _NO_TENSOR:
            raise TypeError(default_collate_err_msg_format.format(batch[0].dtype))
        return emit(stack_arrays([np.asarray(b) for b in batch]))

    def collate_numpy_scalar_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
        """NumPy numbers: a 1-d Tensor."""
        return emit(stack_arrays([np.asarray(b) for b in batch]))

    def collate_float_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
        """Python floats: a 1-d float64 Tensor."""
        return emit(np.array(batch, np.float64))

    def collate_int_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
        """Python integers or bools: a 1-d Tensor."""
        array = number_array(batch)
        return make_tensor(list(batch)) if array is None else emit(array)

    return {
        Tensor: collate_tensor_fn,
        np.ndarray: collate_numpy_array_fn,
        (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
        float: collate_float_fn,
        int: collate_int_fn,
        str: collate_str_fn,
        bytes: collate_str_fn,
    }


def collate_str_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Text: the samples as they are."""
    return batch


default_collate_fn_map: CollateMap = _functions(own, force=False)
for _fn in default_collate_fn_map.values():
    _fn.__qualname__ = _fn.__name__  # they are found, and pickled, under these names
_IN_WORKER = dict(zip(default_collate_fn_map.values(), _functions(HostTensor, force=True).values()))
collate_tensor_fn = default_collate_fn_map[Tensor]
collate_numpy_array_fn = default_collate_fn_map[np.ndarray]
collate_numpy_scalar_fn = default_collate_fn_map[np.bool_, np.number, np.object_]
collate_float_fn = default_collate_fn_map[float]
collate_int_fn = default_collate_fn_map[int]


def default_collate(batch: Any) -> Any:
    """One batch of a list of samples: what a DataLoader does by default.

    Tensors and arrays are stacked along a new first dimension; numbers become a 1-d Tensor (floats
    a float64 one); text stays a list; mappings, named tuples, tuples and lists are collated field by
    field. `default_collate_fn_map` may be extended with further types.

    Raises:
        RuntimeError: samples of different shapes or lengths.
        TypeError: a type that it does not know.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def host_collate(batch: Any) -> Any:
    """`default_collate` with HostTensors in place of Tensors."""
    in_worker = {kind: _IN_WORKER.get(fn, fn) for kind, fn in default_collate_fn_map.items()}
    return collate(batch, collate_fn_map=in_worker)
