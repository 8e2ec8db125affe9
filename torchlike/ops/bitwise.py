"""Integer and bool arithmetic: bit operators, shifts, gcd and lcm."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core import dtypes
from .._core.registry import DEFAULT, Array, op
from .._core.tensor import Tensor
from .arithmetic import binary
from .validate import not_implemented


def _exact(kernel: str, *, bool_too: bool) -> Any:
    """A row check: no floating or complex operand (and no bool unless `bool_too`)."""

    def check(input: Any, other: Any = None) -> None:
        d = dtypes.result_type([v for v in (input, other) if v is not None])
        if d.is_floating_point or d.is_complex or (d.name == "bool" and not bool_too):
            raise not_implemented(kernel, d)

    return check


def _bits(name: str, fn: Any, doc: str, *, operator: str | None, kernel: str, bool_too: bool = True) -> Any:
    numbers = "either" if operator else "tensors"
    return binary(
        name,
        fn,
        doc,
        promote=DEFAULT,
        numbers=numbers,
        operator=operator,
        check=_exact(kernel, bool_too=bool_too),
    )


def _shift_left(x: Any, by: Any) -> Any:
    """`x * 2 ** by`; 0 when `by` is negative or not less than the width."""
    width = x.dtype.itemsize * 8
    fits = (by >= 0) & (by < width)
    return jnp.where(fits, lax.shift_left(x, jnp.where(fits, by, jnp.zeros_like(by))), jnp.zeros_like(x))


def _shift_right(x: Any, by: Any) -> Any:
    """Arithmetic shift; an amount outside the width fills with the sign."""
    width = x.dtype.itemsize * 8
    signed = jnp.issubdtype(x.dtype, jnp.signedinteger)
    fits = (by >= 0) & (by < width)
    safe = jnp.where(fits, by, jnp.asarray(width - 1, by.dtype))
    if signed:
        return lax.shift_right_arithmetic(x, safe)
    return jnp.where(fits, lax.shift_right_logical(x, safe), jnp.zeros_like(x))


def _broadcast(fn: Any) -> Any:
    return lambda x, y: fn(*jnp.broadcast_arrays(x, y))


def _lcm(x: Any, y: Any) -> Any:
    g = jnp.gcd(x, y)
    return jnp.where(g == 0, 0, jnp.abs(x // jnp.where(g == 0, 1, g) * y)).astype(x.dtype)


bitwise_and = _bits("bitwise_and", jnp.bitwise_and, "Bits set in both; logical and of bool tensors.",
                    operator="and", kernel="bitwise_and_cpu")  # fmt: skip
bitwise_or = _bits("bitwise_or", jnp.bitwise_or, "Bits set in either; logical or of bool tensors.",
                   operator="or", kernel="bitwise_or_cpu")  # fmt: skip
bitwise_xor = _bits("bitwise_xor", jnp.bitwise_xor, "Bits set in exactly one; logical xor of bool tensors.",
                    operator="xor", kernel="bitwise_xor_cpu")  # fmt: skip
bitwise_left_shift = _bits("bitwise_left_shift", _broadcast(_shift_left), "`input << other`.",
                           operator="lshift", kernel="lshift_cpu", bool_too=False)  # fmt: skip
bitwise_right_shift = _bits("bitwise_right_shift", _broadcast(_shift_right), "`input >> other`, sign extending.",
                            operator="rshift", kernel="rshift_cpu", bool_too=False)  # fmt: skip
gcd = _bits("gcd", _broadcast(jnp.gcd), "Greatest common divisor, not negative.", operator=None,
            kernel="gcd_cpu", bool_too=False)  # fmt: skip
lcm = _bits("lcm", _broadcast(_lcm), "Least common multiple, not negative.", operator=None,
            kernel="lcm_cpu", bool_too=False)  # fmt: skip


@op(promote=DEFAULT, check=_exact("bitwise_not_cpu", bool_too=True))
def bitwise_not(input: Array):
    """Every bit flipped; logical not of bool tensors."""
    return jnp.bitwise_not(input)


def _invert(self: Tensor) -> Tensor:
    if self.dtype.category > dtypes.INTEGER:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(self)


Tensor.__invert__ = _invert
