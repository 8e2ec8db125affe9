"""`torch.einsum`: the equation is parsed here, in either of its two forms, and contracted by JAX."""

import string
from typing import Any

import jax.numpy as jnp

from .._core.registry import Arrays, function, op
from .validate import not_implemented, scalar_name

_LETTERS = string.ascii_uppercase + string.ascii_lowercase


def _subscript(label: int) -> str:
    if not 0 <= label < len(_LETTERS):
        raise RuntimeError(
            f"einsum(): expected subscripts in sublist format to be within the range [0, 52), but got {label}"
        )
    return _LETTERS[label]


def _sublist(items: Any) -> str:
    return "".join("..." if i is Ellipsis else _subscript(int(i)) for i in items)


def _from_sublists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """`(a, [0, 1], b, [1, 2], [0, 2])` as an equation and operands."""
    operands, terms = list(args[0 : len(args) // 2 * 2 : 2]), args[1::2]
    equation = ",".join(_sublist(t) for t in terms)
    if len(args) % 2:
        equation += "->" + _sublist(args[-1])
    return equation, operands


def _check_term(term: str, start: int) -> None:
    rest = term.replace("...", "")
    for c in rest:
        if c not in _LETTERS:
            if c == ".":
                raise RuntimeError(
                    f"einsum(): found '.' for operand {start} that is not part of any ellipsis"
                    if "..." not in term else f"einsum(): found '.' for operand {start} for which an ellipsis was already found"
                )  # fmt: skip
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {term.index(c)} in the equation string, subscripts must be in [a-zA-Z]"
            )


def _parse(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """Terms of the operands and of the result, ellipses spelled out as labels of their own.

    An ellipsis of n dimensions becomes n private labels, counted from the right so that they broadcast.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) > len(ranks):
        raise RuntimeError("einsum(): fewer operands were provided than specified in the equation")
    if len(terms) < len(ranks):
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    used = set(left + right)
    private = [c for c in _LETTERS + "".join(chr(k) for k in range(0xC0, 0x17F)) if c not in used]
    depth = 0
    full = []
    for i, (term, rank) in enumerate(zip(terms, ranks)):
        _check_term(term, i)
        named = len(term.replace("...", ""))
        hidden = rank - named
        if "..." not in term:
            if hidden:
                raise RuntimeError(
                    f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
                    f"({rank}) for operand {i} and no ellipsis was given"
                )
            full.append(term)
            continue
        if hidden < 0:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) is more than the number of dimensions "
                f"({rank}) for operand {i}"
            )
        depth = max(depth, hidden)
        full.append(term.replace("...", "".join(private[:hidden][::-1])))
    ellipsis = "".join(private[:depth][::-1])
    if arrow:
        _check_term(right, -1)
        out = right.replace("...", ellipsis)
        seen = "".join(full)
        for c in out:
            if c not in seen:
                raise RuntimeError(
                    f"einsum(): output subscript {c} does not appear in the equation for any input operand"
                )
            if out.count(c) > 1:
                raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the output")
        return full, out
    seen = "".join(t.replace("...", "") for t in terms)
    return full, ellipsis + "".join(c for c in sorted(set(seen)) if seen.count(c) == 1)


def _squeezed(operands: Any, terms: list[str], out: str) -> tuple[list[Any], list[str], dict[str, int]]:
    """Drops dimensions of size 1 whose label is larger elsewhere: they broadcast."""
    sizes: dict[str, int] = {}
    for i, (x, term) in enumerate(zip(operands, terms)):
        own: dict[str, int] = {}
        for c, n in zip(term, x.shape):
            if own.setdefault(c, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {c} is repeated for operand {i} but the sizes don't match, {n} != {own[c]}"
                )
            known = sizes.get(c, 1)
            if known != 1 and n not in (1, known):
                raise RuntimeError(
                    f"einsum(): subscript {c} has size {n} for operand {i} which does not broadcast with previously seen size {known}"
                )
            sizes[c] = known if n == 1 else n
    new_operands, new_terms = [], []
    for x, term in zip(operands, terms):
        drop = tuple(i for i, c in enumerate(term) if x.shape[i] == 1 and sizes[c] != 1)
        new_operands.append(x.reshape([n for i, n in enumerate(x.shape) if i not in drop]))
        new_terms.append("".join(c for i, c in enumerate(term) if i not in drop))
    return new_operands, new_terms, sizes


def _check_einsum(operands: Any, equation: str) -> None:
    for x in operands[1:]:
        if x.dtype is not operands[0].dtype:
            raise RuntimeError(
                f"expected scalar type {scalar_name(operands[0].dtype)} but found {scalar_name(x.dtype)}"
            )
    if operands and operands[0].dtype.name == "bool":
        terms, out = _parse(equation, [x.ndim for x in operands])
        everything = "".join("".join(sorted(set(t))) for t in terms)
        if any(everything.count(c) > 1 and c not in out for c in everything):
            raise not_implemented("bmm", operands[0].dtype)


@op(name="einsum", spaces=(), check=_check_einsum)
def _einsum(operands: Arrays, equation: str):
    terms, out = _parse(equation, [x.ndim for x in operands])
    arrays, terms, _ = _squeezed(operands, terms, out)
    rename = {c: _LETTERS[i] for i, c in enumerate(sorted(set("".join(terms) + out)))}
    spelled = ",".join("".join(rename[c] for c in t) for t in terms) + "->" + "".join(rename[c] for c in out)
    everything = "".join(terms)
    if jnp.issubdtype(arrays[0].dtype, jnp.integer) and any(
        everything.count(c) == 1 and c not in out for c in everything
    ):
        arrays = [
            x.astype(jnp.int64) for x in arrays
        ]  # a label of one operand alone is a sum, which counts in int64
    wide = (
        jnp.float32
        if arrays[0].dtype.itemsize == 2 and jnp.issubdtype(arrays[0].dtype, jnp.floating)
        else None
    )
    return jnp.einsum(spelled, *arrays, preferred_element_type=wide).astype(arrays[0].dtype)


@function(spaces=("torch",))
def einsum(*args):
    """Sum of products named by an equation.

    `einsum("bij,bjk->bik", a, b)`; without `->` the labels that occur once, sorted, are the result's.
    `...` stands for further dimensions, which broadcast. The other form lists labels as numbers:
    `einsum(a, [0, 1], b, [1, 2], [0, 2])`.

    Raises:
        RuntimeError: operands and equation do not fit.
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand and its "
            "subscripts list"
        )
    if isinstance(args[0], str):
        equation, operands = args[0], list(args[1:])
    else:
        equation, operands = _from_sublists(args)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = list(operands[0])
    return _einsum(operands, equation)
