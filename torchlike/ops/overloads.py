"""Operators with several overloads: each overload is a row, one function picks the row."""

from collections.abc import Callable
from typing import Any

from .._core.registry import _attach_operator, alias, named, publish


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

    def public(*args: Any, **kwargs: Any) -> Any:
        out = {"out": kwargs.pop("out")} if kwargs.get("out") is not None else {}
        row, args, kwargs = choose(*args, **kwargs)
        return row(*args, **kwargs, **out)

    named(public, name, choose.__doc__)
    public.__module__ = choose.__module__
    twin = None
    if inplace:

        def in_place(*args: Any, **kwargs: Any) -> Any:
            row, args, kwargs = choose(*args, **kwargs)
            return row.inplace(*args, **kwargs)

        twin = named(in_place, name + "_", f"In-place version of `{name}`.")
    for n in (name, *aliases):
        if "." in n:
            alias(n, public)
            continue
        for space in spaces:
            publish(space, n, public)
        if twin is not None:
            publish("Tensor", n + "_", twin)
    public.inplace = twin  # type: ignore[attr-defined]
    if operator:
        _attach_operator(operator, public, twin)
    return public
