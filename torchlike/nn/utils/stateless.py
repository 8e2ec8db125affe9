"""Calling a module with other tensors in place of its own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..._core.tensor import Tensor
from ..modules.module import Module

__all__ = ["functional_call"]


def _holders(module: Module) -> dict[str, tuple[dict[str, Any], str]]:
    """Dotted name -> (the dict of the submodule that holds it, its key there); duplicates included."""
    found = {}
    for path, sub in module.named_modules(remove_duplicate=False):
        for own in (sub._parameters, sub._buffers):
            for key, value in own.items():
                if value is not None:
                    found[f"{path}.{key}" if path else key] = (own, key)
    return found


def _with_tied(holders: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The replacements, repeated for every other name of the same tensor."""
    names: dict[int, list[str]] = {}
    for name, (own, key) in holders.items():
        names.setdefault(id(own[key]), []).append(name)
    out = dict(tensors)
    for group in names.values():
        given = [n for n in group if n in tensors]
        if len({id(tensors[n]) for n in given}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(given)}, which are tied. "
                "Consider using tie_weights=False"
            )
        if given:
            out.update(dict.fromkeys(group, tensors[given[0]]))
    return out


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, sorted(names)))


@contextmanager
def _reparametrize_module(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    tie_weights: bool = False,
    strict: bool = False,
    stack_weights: bool = False,
) -> Iterator[None]:
    """Within this context the module has the given tensors."""
    holders = _holders(module)
    tensors = _with_tied(holders, parameters_and_buffers) if tie_weights else dict(parameters_and_buffers)
    unknown = [n for n in tensors if n not in holders]
    problems = []
    if strict:
        missing = [n for n in holders if n not in tensors]
        if unknown:
            problems.append(f"Unexpected key(s): {_quoted(unknown)}.")
        if missing:
            problems.append(f"Missing key(s): {_quoted(missing)}.")
    if problems:
        raise RuntimeError(
            "Error(s) in reparametrizing for {}:\n\t{}".format(module._get_name(), "\n\t".join(problems))
        )
    saved = []
    given = parameters_and_buffers
    try:
        for name, value in tensors.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"{value} is not an instance of torch.Tensor")
            if name in holders:
                own, key = holders[name]
            else:  # an attribute that is a plain tensor
                path, _, key = name.rpartition(".")
                own = module.get_submodule(path).__dict__
                if not isinstance(own.get(key, value), Tensor):
                    raise TypeError(f"attribute `{key}`: {own[key]} is not an instance of torch.Tensor")
            saved.append((own, key, own.get(key), name))
            own[key] = value
        yield
    finally:
        for own, key, old, name in reversed(saved):
            if name in given:  # what the module has assigned meanwhile
                given[name] = own[key]
            if old is None:
                del own[key]
            else:
                own[key] = old


def _functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with the given tensors; see `torch.func.functional_call`."""
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _reparametrize_module(module, parameters_and_buffers, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Deprecated place of `torch.func.functional_call`."""
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be removed "
        "in a future "
        "version of PyTorch. Please use `torch.func.functional_call` instead which is a drop-in replacement.",
        FutureWarning,
        stacklevel=2,
    )
    return _functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )
