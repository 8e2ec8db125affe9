"""`torch.autograd.grad`: gradients of tensors with respect to tensors."""

from __future__ import annotations

import warnings
from typing import Any

from .._core import roots
from .._core.backward import run_backward
from .._core.gradients import wrap
from .._core.tensor import Tensor
from ..ops.shape import stack


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """The sum of gradients of `outputs` with respect to `inputs`, one tensor each.

    Args:
        grad_outputs: weights of the outputs' elements; may be left out for outputs of one element.
        retain_graph: keep what backward needs (default: `create_graph`).
        create_graph: tape the backward, for higher derivatives.
        only_inputs: deprecated and ignored.
        allow_unused: give None for inputs that the outputs do not depend on, instead of an error.
        is_grads_batched: `grad_outputs` have a leading dimension; so do the results, one backward per row.
        materialize_grads: give zeros instead of None.

    Raises:
        RuntimeError: an input does not require grad, or is unused.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    allow_unused = bool(allow_unused) or materialize_grads
    outs = [outputs] if roots.is_root(outputs) else list(outputs)
    ins = [inputs] if roots.is_root(inputs) else list(inputs)
    given = roots.listed(grad_outputs, len(outs))
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other "
            "parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        rows = _rows(outs, ins, given, keep, create_graph)
        found: list[Any] = [None if g[0] is None else stack(g) for g in zip(*rows)]
    else:
        found = _gradients(outs, ins, given, keep, create_graph)
    for i, (t, g) in enumerate(zip(ins, found)):
        if g is not None and isinstance(t, Tensor) and t._parted and not g._parted:
            found[i] = t._gradient(g)
        if g is None:
            if not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
            if materialize_grads:
                found[i] = roots.zeros_for(t._aval)
    return tuple(found)


def _gradients(outs: Any, ins: Any, given: Any, keep: bool, create_graph: bool) -> list[Tensor | None]:
    starts = roots.roots_of(outs, given, create_graph)
    if not ins:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    targets = roots.targets_of(ins)
    found = run_backward(starts, retain=keep, create_graph=create_graph, targets=targets, accumulate=False)
    return [wrap(g) for g in found]


def _rows(outs: Any, ins: Any, given: Any, keep: bool, create_graph: bool) -> list[list[Tensor | None]]:
    """The gradients for each row of batched `grad_outputs`."""
    roots.roots_of(outs, given, create_graph, batched=True)
    sizes = {len(g) for g in given if g is not None}
    if len(sizes) != 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(sizes)} for the mapped dimension"
        )
    n = sizes.pop()
    return [
        _gradients(outs, ins, [None if g is None else g[k] for g in given], keep or k + 1 < n, create_graph)
        for k in range(n)
    ]
