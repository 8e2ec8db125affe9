"""Operators with several overloads: each overload is a row, one function picks the row."""

from collections.abc import Callable
from typing import Any

from .._core.publish import _publish_all, refuse
from .._core.registry import _attach_operator, named, publish


def overloaded(
    choose: Callable[..., tuple[Any, tuple[Any, ...], dict[str, Any]]],
    *,
    name: str | None = None,
    spaces: tuple[str, ...] = ("torch", "Tensor"),
    aliases: tuple[str, ...] = (),
    operator: str | None = None,
    inplace: bool = True,
) -> Any:
    """Publishes an operator that forwards to one of several rows.

    Args:
        choose: takes the user's arguments (without `out`), returns `(row, args, kwargs)`. Its signature
            and documentation become the operator's.
        name: public name, if not that of `choose`.
        spaces, aliases, operator: as for a row.
        inplace: whether `Tensor.name_` exists; the rows then need `inplace=True`.
    """
    name = name or choose.__name__

    def make(space: str, own: str) -> Any:
        def public(*args: Any, **kwargs: Any) -> Any:
            try:
                out = {"out": kwargs["out"]} if kwargs.get("out") is not None else {}
                row, rest, named_rest = choose(*args, **{k: v for k, v in kwargs.items() if k != "out"})
                return row(*rest, **named_rest, **out)
            except Exception:
                refuse(public, space, own, args, kwargs)
                raise

        public.__module__, public.__wrapped__ = choose.__module__, choose  # type: ignore[attr-defined]
        return named(public, own, choose.__doc__)

    def make_inplace(own: str) -> Any:
        def in_place(*args: Any, **kwargs: Any) -> Any:
            try:
                row, rest, named_rest = choose(*args, **kwargs)
                return row.inplace(*rest, **named_rest)
            except Exception:
                refuse(public, "Tensor", own, args, kwargs)
                raise

        return named(in_place, own, f"In-place version of `{own[:-1]}`.")

    public = _publish_all(make, name, spaces, aliases)
    twin = None
    if inplace:
        for n in (name, *(a for a in aliases if "." not in a)):
            made = make_inplace(n + "_")
            publish("Tensor", n + "_", made)
            twin = twin or made
    public.inplace = twin  # type: ignore[attr-defined]
    if operator:
        _attach_operator(operator, make("", name), twin)
    return public
