"""Linear operations with a choice of program per platform and hand-written transposes.

XLA's own convolution and windowed reductions run at a fraction of the speed of a matrix product on a
CPU, and the transposes that JAX derives for a fast forward program are rarely the fast backward
ones. `linear_op` makes a JAX primitive whose transposes are again such primitives. Forward mode,
reverse mode and derivatives of every order then use the chosen programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from jax import core, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def linear_op(
    name: str,
    *,
    shape: Callable[..., tuple[int, ...]],
    transposes: Sequence[Callable[..., Any] | None],
    default: Callable[..., Any],
    cpu: Callable[..., Any] | None = None,
    batch: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Declares an operation that is linear in each of its differentiable operands.

    Args:
        name: the primitive's name, as shown in a jaxpr.
        shape: `shape(*avals, **params)`, the result's shape; its dtype is that of the first
            differentiable operand.
        transposes: per operand None (not differentiable) or `rule(cotangent, *operands, **params)`,
            the cotangent of that operand. The operand itself arrives as an `UndefinedPrimal`, of
            which only `.aval` may be used.
        default: the program, plain JAX, that serves every platform.
        cpu: the program for CPUs.
        batch: `batch(args, dims, **params)`, a faster rule for `vmap`; it returns None when it
            does not apply.

    Returns:
        `call(*operands, **params)` with hashable params.
    """
    primitive = Primitive(name)
    on_cpu = cpu or default
    linear = [i for i, rule in enumerate(transposes) if rule is not None]

    def call(*operands: Any, **params: Any) -> Any:
        return primitive.bind(*operands, **params)

    def abstract(*avals: Any, **params: Any) -> Any:
        return core.ShapedArray(shape(*avals, **params), avals[linear[0]].dtype)

    def jvp(primals: Any, tangents: Any, **params: Any) -> Any:
        parts = [
            call(*primals[:i], tangents[i], *primals[i + 1 :], **params)
            for i in linear
            if type(tangents[i]) is not ad.Zero
        ]
        out = call(*primals, **params)
        if not parts:
            return out, ad.Zero(core.ShapedArray(out.shape, out.dtype))
        return out, parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def transpose(cotangent: Any, *operands: Any, **params: Any) -> list[Any]:
        wanted = [ad.is_undefined_primal(operand) for operand in operands]
        if type(cotangent) is ad.Zero:
            return [ad.Zero(o.aval) if want else None for want, o in zip(wanted, operands, strict=True)]
        return [
            rule(cotangent, *operands, **params) if want and rule is not None else None
            for want, rule in zip(wanted, transposes, strict=True)
        ]

    def batched(args: Any, dims: Any, **params: Any) -> Any:
        if batch is not None and (out := batch(args, dims, **params)) is not None:
            return out, 0
        programs = [jax.vmap(partial(fn, **params), in_axes=tuple(dims)) for fn in (on_cpu, default)]
        if cpu is None:
            return programs[1](*args), 0
        return lax.platform_dependent(*args, cpu=programs[0], default=programs[1]), 0

    primitive.def_abstract_eval(abstract)
    primitive.def_impl(lambda *operands, **params: jax.jit(partial(call, **params))(*operands))
    ad.primitive_jvps[primitive] = jvp
    ad.primitive_transposes[primitive] = transpose
    batching.primitive_batchers[primitive] = batched
    mlir.register_lowering(primitive, mlir.lower_fun(default, multiple_results=False))
    if cpu is not None:
        mlir.register_lowering(primitive, mlir.lower_fun(cpu, multiple_results=False), platform="cpu")
    return call
