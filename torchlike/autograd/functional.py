"""`torch.autograd.functional`: Jacobians, Hessians and products with them, of functions of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core import roots as _roots
from .._core.backward import run_backward
from .._core.gradients import wrap
from .._core.modes import enable_grad as _enable_grad
from .._core.names import missing as _missing
from .._core.tensor import Tensor
from ..ops.creation import ones_like, zeros, zeros_like
from ..ops.shape import stack

__all__ = ["vjp", "jvp", "jacobian", "hessian", "hvp", "vhp"]


# ---- arguments and results ------------------------------------------------------------------


def _tuple_of(x: Any, name: str, fn: str) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether x was a tuple, and it as a tuple of tensors."""
    many = isinstance(x, tuple)
    items = x if many else (x,)
    for i, t in enumerate(items):
        if not isinstance(t, Tensor):
            if many:
                raise TypeError(
                    f"The {name} given to {fn} must be either a Tensor or a tuple of Tensors but the value at index {i} "
                    f"has type {type(t)}."
                )
            raise TypeError(
                f"The {name} given to {fn} must be either a Tensor or a tuple of Tensors but the given {name} has type "
                f"{type(t)}."
            )
    return many, items


def _fresh(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """Inputs to differentiate at: new leaves, or with `create_graph` aliases that keep their history."""
    if create_graph:
        return tuple(t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in inputs)
    return tuple(t.detach().requires_grad_() for t in inputs)


def _check_v(v: tuple[Tensor, ...], others: tuple[Tensor, ...], many: bool) -> None:
    if len(others) != len(v):
        if many:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(others)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(v, others)):
        if a.shape != b.shape:
            prefix = f"Entry {i} in " if many else ""
            raise RuntimeError(f"{prefix}v has invalid size: should be {b.shape} but got {a.shape}.")


def _need_grad(items: Any, kind: str, strict: bool) -> None:
    """The errors of `strict`; `kind` says what the items are."""
    if not strict:
        return
    for i, t in enumerate(items):
        if t is None:
            if kind == "jacobian":
                raise RuntimeError(
                    f"The output of the user-provided function is independent of input {i}. This is not allowed in "
                    "strict mode."
                )
            if kind == "hessian":
                raise RuntimeError(
                    f"The hessian of the user-provided function with respect to input {i} is independent of the input. "
                    "This is not allowed in strict mode when create_graph=True."
                )
            raise RuntimeError(
                f"The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This is "
                "not allowed in strict mode as it prevents from using the double backward trick to replace forward "
                "mode AD."
            )
        if not t.requires_grad:
            if kind == "hessian":
                raise RuntimeError(
                    f"The hessian of the user-provided function with respect to input {i} is independent of the input. "
                    "This is not allowed in strict mode when create_graph=True."
                )
            if kind == "jacobian":
                raise RuntimeError(
                    "While computing the hessian, found that the jacobian of the user-provided function with respect to "
                    f"input {i} is independent of the input. This is not allowed in strict mode. You should ensure that "
                    "your function is twice differentiable and that the jacobian depends on the inputs (this would be "
                    "violated by a linear function for example)."
                )
            if kind == "grad_inputs":
                raise RuntimeError(
                    f"The gradient with respect to input {i} is independent of the inputs of the user-provided function. "
                    "This is not allowed in strict mode."
                )
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs must be computed in "
                "a differentiable manner from the input when running in strict mode."
            )


def _grad(outputs: Any, inputs: Any, weights: Any = None, create_graph: bool = False,
          retain: bool | None = None) -> tuple[Tensor | None, ...]:  # fmt: skip
    """Gradients; None for all inputs if no output requires grad."""
    given = [None] * len(outputs) if weights is None else list(weights)
    pairs = [(o, w) for o, w in zip(outputs, given) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    roots = _roots.roots_of([o for o, _ in pairs], [w for _, w in pairs], create_graph)
    found = run_backward(
        roots, retain=create_graph if retain is None else retain, create_graph=create_graph,
        targets=_roots.targets_of(list(inputs)), accumulate=False,
    )  # fmt: skip
    return tuple(wrap(g) for g in found)


def _filled(grads: Any, inputs: Any, strict: bool, create_graph: bool, stage: str) -> tuple[Tensor, ...]:
    """Zeros for missing gradients; errors instead with `strict`.

    `stage` is `back` for gradients, `back_trick` where they are the gradient of a gradient, `double_back` for those of
    a gradient by its inputs, `double_back_trick` for both.
    """
    out = []
    for i, (g, x) in enumerate(zip(grads, inputs)):
        if g is None:
            if strict:
                _raise_independent(i, stage)
            g = zeros_like(x)
        elif strict and create_graph and not g.requires_grad and "double" not in stage:
            _raise_constant(i, stage)
        out.append(g)
    return tuple(out)


def _raise_independent(i: int, stage: str) -> None:
    if stage == "back":
        raise RuntimeError(
            f"The output of the user-provided function is independent of input {i}. This is not allowed in strict mode."
        )
    if stage == "back_trick":
        raise RuntimeError(
            f"The gradient with respect to the input is independent of entry {i} in the grad_outputs when using the "
            "double backward trick to compute forward mode gradients. This is not allowed in strict mode."
        )
    if stage == "double_back":
        raise RuntimeError(
            f"The jacobian of the user-provided function is independent of input {i}. This is not allowed in strict mode."
        )
    raise RuntimeError(
        f"The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This is not "
        "allowed in strict mode as it prevents from using the double backward trick to replace forward mode AD."
    )


def _raise_constant(i: int, stage: str) -> None:
    if stage == "back":
        raise RuntimeError(
            f"The jacobian of the user-provided function is independent of input {i}. This is not allowed in strict mode "
            "when create_graph=True."
        )
    raise RuntimeError(
        f"The gradient with respect to the input is independent of entry {i} in the grad_outputs when using the double "
        "backward trick to compute forward mode gradients. This is not allowed in strict mode when create_graph=True."
    )


def _result(x: Any, many: bool, create_graph: bool) -> Any:
    """Results as the user gets them: single if the argument was, detached unless `create_graph`."""

    def plain(t: Any) -> Any:
        return tuple(plain(s) for s in t) if isinstance(t, tuple) else t if create_graph else t.detach()

    out = plain(x)
    return out if many else out[0]


def _one_element(outputs: Any, many: bool, fn: str) -> None:
    if many or not isinstance(outputs[0], Tensor):
        raise RuntimeError(f"The function given to {fn} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {fn} should contain a single element"
        )


def _single(v: Any, others: tuple[Tensor, ...], many: bool, what: str, fn: str) -> tuple[Tensor, ...]:
    """The vector given, or ones where a single element makes that unambiguous."""
    if v is not None:
        items = _tuple_of(v, "v", fn)[1]
        _check_v(items, others, many)
        return items
    if len(others) != 1 or others[0].numel() != 1:
        raise RuntimeError(f"The vector v can only be None if {what}")
    return tuple(ones_like(t) for t in others)


# ---- products -----------------------------------------------------------------------------------


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:  # fmt: skip
    """`func(*inputs)` and the product of v with its Jacobian.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        v: like the outputs; may be left out for one output of one element.
        create_graph: tape the results.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    Returns:
        The outputs, and one tensor per input of its shape.
    """
    with _enable_grad():
        many, ins = _tuple_of(inputs, "inputs", "vjp")
        ins = _fresh(ins, create_graph)
        many_out, outs = _tuple_of(func(*ins), "outputs of the user-provided function", "vjp")
        _need_grad(outs, "outputs", strict)
        v = _single(
            v,
            outs,
            many_out,
            "the user-provided function returns a single Tensor with a single element.",
            "vjp",
        )
    create = create_graph
    with _enable_grad():
        grads = _filled(_grad(outs, ins, v, create), ins, strict, create, "back")
    return _result(outs, many_out, create), _result(grads, many, create)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:  # fmt: skip
    """`func(*inputs)` and the product of its Jacobian with v, by differentiating twice; see `vjp` for the arguments.

    Args:
        v: like the inputs; may be left out for one input of one element.

    Returns:
        The outputs, and one tensor per output of its shape.
    """
    with _enable_grad():
        many, ins = _tuple_of(inputs, "inputs", "jvp")
        ins = _fresh(ins, create_graph)
        v = _single(
            v,
            ins,
            many,
            "the input to the user-provided function is a single Tensor with a single element.",
            "jvp",
        )
        many_out, outs = _tuple_of(func(*ins), "outputs of the user-provided function", "jvp")
        _need_grad(outs, "outputs", strict)
        weights = tuple(zeros_like(o).requires_grad_() for o in outs)
        grads = _grad(outs, ins, weights, create_graph=True)
        _need_grad(grads, "grad_inputs", strict)
        found = _grad(grads, weights, v, create_graph, retain=True)
        products = _filled(found, outs, strict, create_graph, "back_trick")
    return _result(outs, many_out, create_graph), _result(products, many_out, create_graph)


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:  # fmt: skip
    """`func(*inputs)`, of one element, and the product of v with its Hessian; see `vjp` for the arguments."""
    with _enable_grad():
        many, ins = _tuple_of(inputs, "inputs", "vhp")
        ins = _fresh(ins, create_graph)
        v = _single(
            v,
            ins,
            many,
            "the input to the user-provided function is a single Tensor with a single element.",
            "vhp",
        )
        many_out, outs = _tuple_of(func(*ins), "outputs of the user-provided function", "vhp")
        _need_grad(outs, "outputs", strict)
        _one_element(outs, many_out, "vhp")
        jac = _grad(outs, ins, create_graph=True)
        _need_grad(jac, "jacobian", strict)
        found = _grad(jac, ins, v, create_graph)
        products = _filled(found, ins, strict, create_graph, "double_back")
    return _result(outs, many_out, create_graph), _result(products, many, create_graph)


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:  # fmt: skip
    """`func(*inputs)`, of one element, and the product of its Hessian with v; see `vjp` for the arguments."""
    with _enable_grad():
        many, ins = _tuple_of(inputs, "inputs", "hvp")
        ins = _fresh(ins, create_graph)
        v = _single(
            v,
            ins,
            many,
            "the input to the user-provided function is a single Tensor with a single element.",
            "hvp",
        )
        many_out, outs = _tuple_of(func(*ins), "outputs of the user-provided function", "hvp")
        _need_grad(outs, "outputs", strict)
        _one_element(outs, many_out, "hvp")
        jac = _grad(outs, ins, create_graph=True)
        _need_grad(jac, "jacobian", strict)
        weights = tuple(zeros_like(t).requires_grad_() for t in ins)
        double = _grad(jac, ins, weights, create_graph=True)
        _need_grad(double, "hessian", strict)
        found = _grad(double, weights, v, create_graph, retain=True)
        products = _filled(found, ins, strict, create_graph, "double_back_trick")
    return _result(outs, many_out, create_graph), _result(products, many, create_graph)


# ---- whole matrices -----------------------------------------------------------------------------


def jacobian(func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
             strategy: str = "reverse-mode") -> Any:  # fmt: skip
    """The Jacobian of `func` at `inputs`.

    Args:
        vectorize: accepted; rows are recorded together and run as one program either way.
        strategy: `"reverse-mode"` or (with `vectorize`) `"forward-mode"`; both are computed row by row.

    Returns:
        For one output and one input a tensor of shape output.shape + input.shape; a tuple over inputs, outputs, or
        a tuple over outputs of tuples over inputs, where they are tuples.

    Raises:
        AssertionError: another strategy.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs '
            'than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                'torch.autograd.functional.jacobian: `create_graph=True` and `strategy="forward-mode"` are not supported '
                'together (yet). Please either set `create_graph=False` or `strategy="reverse-mode"`.'
            )
        if strict:
            raise RuntimeError(
                'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not supported '
                'together (yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
                "only implemented for `vectorize=True`."
            )
    if vectorize and strict:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. Please "
            "either set `strict=False` or `vectorize=False`."
        )
    with _enable_grad():
        many, ins = _tuple_of(inputs, "inputs", "jacobian")
        ins = _fresh(ins, create_graph)
        many_out, outs = _tuple_of(func(*ins), "outputs of the user-provided function", "jacobian")
        _need_grad(outs, "outputs", strict)
        rows = tuple(_jacobian_of(i, o, ins, create_graph, strict) for i, o in enumerate(outs))
    if not create_graph:
        rows = tuple(tuple(t.detach() for t in row) for row in rows)
    if many:
        return rows if many_out else rows[0]
    return tuple(row[0] for row in rows) if many_out else rows[0][0]


def _jacobian_of(
    i: int, out: Tensor, ins: tuple[Tensor, ...], create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    """The Jacobians of one output by each input, of shape out.shape + input.shape."""
    parts: list[list[Tensor]] = [[] for _ in ins]
    for element in out.reshape(-1).unbind():
        for k, (g, x) in enumerate(zip(_grad([element], ins, None, create_graph, retain=True), ins)):
            if g is not None:
                if strict and create_graph and not g.requires_grad:
                    raise RuntimeError(
                        "The jacobian of the user-provided function is independent of input "
                        f"{k}. This is not allowed in strict mode when create_graph=True."
                    )
            elif strict:
                raise RuntimeError(
                    f"Output {i} of the user-provided function is independent of input {k}. This is not allowed in "
                    "strict mode."
                )
            parts[k].append(zeros_like(x) if g is None else g)
    return tuple(
        stack(p).view(out.shape + x.shape)
        if p
        else zeros(out.shape + x.shape, dtype=x.dtype, device=x.device)
        for p, x in zip(parts, ins)
    )


def hessian(func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode") -> Any:  # fmt: skip
    """The Hessian of `func`, which returns one element, at `inputs`; see `jacobian` for the arguments.

    Returns:
        For one input a tensor of shape input.shape + input.shape, else a tuple of tuples.
    """
    many, _ = _tuple_of(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def single(*xs: Tensor) -> Tensor:
        out = func(*xs)
        many_out, outs = _tuple_of(out, "outputs of the user-provided function", "hessian")
        _one_element(outs, many_out, "hessian")
        return outs[0].squeeze() if outs[0].ndim else outs[0]

    def gradient(*xs: Tensor) -> Any:
        jac = jacobian(single, xs, create_graph=True)
        _need_grad(jac, "jacobian", strict)
        return jac

    found = jacobian(
        gradient, inputs, create_graph=create_graph, strict=strict, vectorize=vectorize,
        strategy=outer_jacobian_strategy,
    )  # fmt: skip
    return found if many else found[0]


__getattr__ = _missing(__name__)
