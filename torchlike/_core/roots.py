"""Where a backward starts: `torch.autograd.backward` and `grad`, and their checks of what they are given."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

from . import errors
from . import gradients as passed
from .autograd import AccumulateGrad
from .backward import run_backward
from .graph import record
from .vjp import cast_call, fill_call


class GradientEdge(NamedTuple):
    """One output of a node of the graph; stands for the tensor in `backward` and `grad`."""

    node: Any
    output_nr: int
    ownership_token: Any = None

    def _edge(self) -> Any:
        node = self.node
        return node.variable if isinstance(node, AccumulateGrad) else (node, self.output_nr)

    @property
    def _aval(self) -> Any:
        node = self.node
        return node.variable._aval if isinstance(node, AccumulateGrad) else node.out_avals[self.output_nr]


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             grad_variables: Any = None, inputs: Any = None) -> None:  # fmt: skip
    """Accumulates the sum of gradients of `tensors` into `.grad` of the leaves.

    Args:
        tensors: tensors or gradient edges to differentiate.
        grad_tensors: for each, weights of its elements (of its shape); None for tensors of one element.
        retain_graph: keep what backward needs for another one (default: `create_graph`).
        create_graph: tape the backward, for higher derivatives.
        grad_variables: deprecated name of `grad_tensors`.
        inputs: the only tensors to accumulate into.

    Raises:
        RuntimeError: a tensor does not require grad, a weight is missing or does not fit, `inputs` is empty.
    """
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only "
                "use `grad_tensors`."
            )
        grad_tensors = grad_variables
    targets = None
    if inputs is not None:
        many = [inputs] if is_root(inputs) else list(inputs)
        if not many:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        for t in many:
            if not isinstance(t, GradientEdge):
                t.retain_grad()
        targets = [t._edge() for t in many]
    outs = [tensors] if is_root(tensors) else list(tensors)
    roots = roots_of(outs, listed(grad_tensors, len(outs)), create_graph)
    if not roots:
        return
    if create_graph and not _warned:
        _warned.append(True)
        warnings.warn(errors.MSG_CREATE_GRAPH, UserWarning, stacklevel=3)
    keep = create_graph if retain_graph is None else retain_graph
    run_backward(roots, retain=keep, create_graph=create_graph, targets=targets)


_warned: list[bool] = []  # whether the warning about create_graph has been given: once, as in PyTorch


def is_root(x: Any) -> bool:
    """Whether x is one root, not a sequence of them."""
    return isinstance(x, (passed.tensor_class, GradientEdge))


def listed(gradients: Any, n: int) -> list[Any]:
    """One gradient or None per root."""
    if gradients is None:
        return [None] * n
    return [gradients] if isinstance(gradients, passed.tensor_class) else list(gradients)


def roots_of(tensors: list[Any], gradients: list[Any], create_graph: bool,
             batched: bool = False) -> list[tuple[Any, Any]]:  # fmt: skip
    """Edges and gradients that a backward starts from, checked as PyTorch does.

    With `batched`, gradients have a leading dimension that the outputs lack; they are left as they are.
    """
    if len(gradients) < len(tensors):
        _check_gradients(tensors, gradients, batched)
        raise RuntimeError(f"got {len(tensors)} tensors and {len(gradients)} gradients")
    values = _check_gradients(tensors, gradients, batched)
    roots = []
    for i, (t, g, value) in enumerate(zip(tensors, gradients, values)):
        edge = t._edge()
        if edge is None or edge is t and t._lost:
            raise RuntimeError(errors.MSG_NO_GRAD_FN.replace("element 0", f"element {i}"))
        roots.append((edge, (value, g._edge() if g is not None and create_graph else None)))
    return roots


def _check_gradients(tensors: list[Any], gradients: list[Any], batched: bool) -> list[Any]:
    values = []
    for i, (t, g) in enumerate(zip(tensors, gradients)):
        if not is_root(t):
            raise AssertionError("Expected output to be a torch.Tensor")
        a = t._aval
        if g is None:
            values.append(_one_for(t, a))
            continue
        if not isinstance(g, passed.tensor_class):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
        b = g._aval
        shape = b.shape[1:] if batched else b.shape
        if shape != a.shape:
            raise RuntimeError(_mismatch(i, g, t, batched))
        value = None if batched else g._read()
        if b.dtype is not a.dtype:
            if b.dtype.is_complex != a.dtype.is_complex:
                raise RuntimeError(
                    f"For complex Tensors, both grad_output and output are required to have the same dtype. "
                    f"Mismatch in dtype: grad_output[{i}] has a dtype of {b.dtype} and output[{i}] has a dtype of {a.dtype}."
                )
            if value is not None:
                value = record(cast_call(b, a.dtype), [value])[0]
        values.append(value)
    return values


def _one_for(t: Any, a: Any) -> Any:
    """The gradient that PyTorch assumes for an output of one element."""
    if t._edge() is None:  # the error comes once all gradients have been looked at
        return None
    if a.size != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if not a.dtype.is_floating_point:
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {a.dtype}")
    return record(fill_call(a, 1), [])[0]


def _mismatch(i: int, g: Any, t: Any, batched: bool) -> str:
    have, want = tuple(g.shape), tuple(t._aval.shape)
    if not batched:
        return (
            f"Mismatch in shape: grad_output[{i}] has a shape of torch.Size({list(have)}) and output[{i}] has a shape "
            f"of torch.Size({list(want)})."
        )
    return (
        "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. The "
        "sizes of the remaining dimensions are expected to match the shape of corresponding output, but a mismatch was "
        f"detected: grad_output[{i}] has a shape of torch.Size({list(have)}) and output[{i}] has a shape of "
        f"torch.Size({list(want)}). If you only want some tensors in `grad_output` to be considered batched, consider "
        "using vmap."
    )


def targets_of(inputs: list[Any]) -> list[Any]:
    """Edges to collect gradients at.

    Raises:
        RuntimeError: one does not require grad.
    """
    edges = [t._edge() for t in inputs]
    if any(e is None for e in edges):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return edges


def zeros_for(a: Any) -> Any:
    """Zeros for a tensor of this Aval that no gradient reached."""
    return passed.tensor_class._from_value(record(fill_call(a, 0), [])[0])
