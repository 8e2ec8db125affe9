"""Walking a tree of modules: children, parameters and buffers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..._core.tensor import Tensor
from ..parameter import Parameter


class TreeMixin:
    """What a module answers about the modules below it."""

    training: bool

    def get_submodule(self: Any, target: str) -> Any:
        """The submodule at a dotted path; self for "".

        Raises:
            AttributeError: a part of the path is missing or no Module.
        """
        found: Any = self
        for item in target.split(".") if target else ():
            if not hasattr(found, item):
                raise AttributeError(f"{found._get_name()} has no attribute `{item}`")
            found = getattr(found, item)
            _require_module(found, item)
        return found

    def set_submodule(self: Any, target: str, module: Any, strict: bool = False) -> None:
        """Puts `module` at a dotted path; with `strict` something must be there already.

        Raises:
            AttributeError: the path does not exist, or leads to something that is no Module.
            ValueError: the path is empty, or `module` is no Module.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, TreeMixin):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), TreeMixin):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def _member(self: Any, target: str) -> tuple[Any, str, Any]:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        return module, name, getattr(module, name)

    def get_parameter(self: Any, target: str) -> Parameter:
        """The parameter at a dotted path; AttributeError if there is none."""
        _, name, value = self._member(target)
        if not isinstance(value, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return value

    def get_buffer(self: Any, target: str) -> Tensor:
        """The buffer at a dotted path; AttributeError if there is none."""
        module, name, value = self._member(target)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return value

    def _named_members(
        self: Any,
        get_members_fn: Callable,
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, value in get_members_fn(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def parameters(self: Any, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; with `recurse=False` only the module's own."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(
        self: Any, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter), in order of registration."""
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def buffers(self: Any, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self: Any, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer), in order of registration."""
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def children(self: Any) -> Iterator[Any]:
        """The direct submodules, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self: Any) -> Iterator[tuple[str, Any]]:
        """(name, direct submodule)."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self: Any, remove_duplicate: bool = True) -> Iterator[Any]:
        """The module itself and all below it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(
        self: Any, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """(dotted name, module) of the module itself and all below it, parents first."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(
                    memo, f"{prefix}.{name}" if prefix else name, remove_duplicate
                )

    def apply(self: Any, fn: Callable[[Any], None]) -> Any:
        """Calls `fn` with every submodule, then with self; returns self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: Any, mode: bool = True) -> Any:
        """Sets training mode (dropout, batch norm) here and below; returns self."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: Any) -> Any:
        """Same as `train(False)`."""
        return self.train(False)


def _require_module(value: Any, name: str) -> None:
    if not isinstance(value, TreeMixin):
        raise AttributeError(f"`{name}` is not an nn.Module")
