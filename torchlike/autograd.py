"""torch.autograd: gradients of tensors with respect to tensors, and custom Functions."""

from __future__ import annotations

from typing import Any

from ._core import backward as _tape
from ._core.modes import enable_grad as enable_grad
from ._core.modes import inference_mode as inference_mode
from ._core.modes import is_grad_enabled as is_grad_enabled
from ._core.modes import no_grad as no_grad
from ._core.modes import set_grad_enabled as set_grad_enabled
from ._core.names import missing as _missing
from ._core.tensor import Tensor
from ._core.tensor import backward as backward
from ._core.tensor import roots_of as _roots_of

Variable = Tensor


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    allow_unused: bool | None = None, is_grads_batched: bool = False, materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """The sum of gradients of `outputs` with respect to `inputs`, one tensor each.

    Args:
        grad_outputs: weights of the outputs' elements; may be left out for outputs of one element.
        retain_graph: keep what backward needs (default: `create_graph`).
        create_graph: tape the backward, for higher derivatives.
        allow_unused: give None for inputs that the outputs do not depend on, instead of an error.
        materialize_grads: give zeros instead of None.

    Raises:
        RuntimeError: an input does not require grad, or is unused.
    """
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    ins = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if is_grads_batched:
        raise NotImplementedError(
            "autograd.grad(is_grads_batched=True) is not supported; loop over the rows of grad_outputs"
        )
    if allow_unused is False and materialize_grads:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    allow_unused = bool(allow_unused) or materialize_grads
    given = [grad_outputs] if grad_outputs is None or isinstance(grad_outputs, Tensor) else list(grad_outputs)
    given += [None] * (len(outs) - len(given))
    targets = [t._edge() for t in ins]
    if any(e is None for e in targets):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    roots = _roots_of(outs, given, create_graph)
    found = _tape.run_backward(
        roots, retain=create_graph if retain_graph is None else retain_graph, create_graph=create_graph,
        targets=targets, accumulate=False,
    )  # fmt: skip
    result = []
    for i, (t, g) in enumerate(zip(ins, found)):
        if g is None:
            if not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
            if materialize_grads:
                from .ops.creation import zeros_like

                result.append(zeros_like(t))
                continue
        result.append(_tape.wrap(g))
    return tuple(result)


from ._core.function import Function as Function  # noqa: E402
from ._core.function import FunctionCtx as FunctionCtx  # noqa: E402
from ._core.function import once_differentiable as once_differentiable  # noqa: E402

__getattr__ = _missing(__name__)
