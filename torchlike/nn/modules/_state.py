"""state_dict and load_state_dict."""

from __future__ import annotations

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from ..._core.autograd import RemovableHandle
from ..._core.modes import no_grad
from ..._core.tensor import Tensor
from ...ops.memory import swap_tensors
from ..parameter import Parameter, is_lazy
from ._convert import conversion
from ._hooks import ModuleHook, adding

_EXTRA_STATE_KEY_SUFFIX = "_extra_state"
_MSG_EXTRA_STATE = (
    "Reached a code path in Module.{}() that should never be called. "
    "Please file an issue at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml "
    "to report this bug."
)


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` returns."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class StateMixin:
    """A module's tensors as a flat dict, and back."""

    _version = 1

    def get_extra_state(self) -> Any:
        """What else goes into the state_dict; override it together with `set_extra_state`."""
        raise RuntimeError(_MSG_EXTRA_STATE.format("get_extra_state"))

    def set_extra_state(self, state: Any) -> None:
        """Takes what `get_extra_state` had returned."""
        raise RuntimeError(_MSG_EXTRA_STATE.format("set_extra_state"))

    def _has_extra_state(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(StateMixin, method)

    # ---- hooks -----------------------------------------------------------------------

    def _register_state_dict_hook(self: Any, hook: Callable) -> RemovableHandle:
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        return adding(self._state_dict_hooks, hook)

    def register_state_dict_post_hook(self: Any, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata)` after the state_dict was filled."""
        hook._from_public_api = True
        return adding(self._state_dict_hooks, hook)

    def register_state_dict_pre_hook(self: Any, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, prefix, keep_vars)` before the state_dict is filled."""
        return adding(self._state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(
        self: Any, hook: Callable, with_module: bool = False
    ) -> RemovableHandle:
        return adding(self._load_state_dict_pre_hooks, ModuleHook(hook, self if with_module else None))

    def register_load_state_dict_pre_hook(self: Any, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`
        before loading."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self: Any, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, incompatible_keys)` after loading; the lists may be changed in place."""
        return adding(self._load_state_dict_post_hooks, hook)

    # ---- saving ------------------------------------------------------------------------

    def _save_to_state_dict(self: Any, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        for name, param in self._parameters.items():
            if param is not None:
                destination[prefix + name] = param if keep_vars else param.detach()
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = buffer if keep_vars else buffer.detach()
        if self._has_extra_state("get_extra_state"):
            destination[prefix + _EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()

    def state_dict(
        self: Any, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by their dotted names, in order of registration.

        Args:
            destination: a dict to fill; a new OrderedDict by default.
            prefix: put before every name.
            keep_vars: return the tensors themselves and not detached aliases.
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict "
                "for details.",
                FutureWarning,
                stacklevel=2,
            )
            given = dict(zip(("destination", "prefix", "keep_vars"), args))
            destination = given.get("destination") if destination is None else destination
            prefix = given.get("prefix", prefix) if prefix == "" else prefix
            keep_vars = given.get("keep_vars", keep_vars) if keep_vars is False else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            replaced = hook(self, destination, prefix, local_metadata)
            if getattr(hook, "_from_public_api", False):
                if replaced is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif replaced is not None:
                destination = replaced
        return destination

    # ---- loading -------------------------------------------------------------------------

    def _load_from_state_dict(
        self: Any, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Copies this module's own entries (not its children's); subclasses override it to convert old
        formats."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own = {k: v for k, v in self._parameters.items() if v is not None}
        for k, v in self._buffers.items():
            if v is not None and k not in self._non_persistent_buffers_set:
                own[k] = v
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, param in own.items():
            key = prefix + name
            if key in state_dict:
                problem = self._load_one(name, key, param, state_dict[key], assign)
                if problem:
                    error_msgs.append(problem)
            elif strict:
                missing_keys.append(key)
        extra_key = prefix + _EXTRA_STATE_KEY_SUFFIX
        if self._has_extra_state("set_extra_state"):
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra_key:
                    first, dot, _ = key[len(prefix) :].partition(".")
                    if first not in (self._modules if dot else own):
                        unexpected_keys.append(key)

    @staticmethod
    def _swap_in(param: Any, new: Any, source: Any) -> None:
        """Makes `param` what `module_load` returned."""
        if new is source or new is param:
            raise RuntimeError(
                "module_load returned one of self or other, please .detach() the result if returning one of the inputs in "
                "module_load"
            )
        if isinstance(param, Parameter):
            if isinstance(new, Parameter):
                new.requires_grad_(param.requires_grad)
            else:
                new = Parameter(new, param.requires_grad)
        swap_tensors(param, new)

    def _load_one(self, name: str, key: str, param: Any, source: Any, assign: bool) -> str | None:
        """Copies one entry; the message if it cannot be."""
        if not isinstance(source, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received {type(source)}"
            )
        if not is_lazy(param):
            if param.dim() == 0 and not is_lazy(source) and tuple(source.shape) == (1,):
                source = source[0]  # files of PyTorch before 0.4
            if source.shape != param.shape:
                return (
                    f"size mismatch for {key}: copying a param with shape {source.shape} from checkpoint, "
                    f"the shape in current model is {param.shape}."
                )
        if param.is_meta and not source.is_meta and not assign:
            warnings.warn(
                f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in "
                "the current "
                "model, which is a no-op. (Did you mean to pass `assign=True` to assign items in the "
                "state dictionary "
                "to their corresponding key in the module instead of copying them in place?)",
                stacklevel=2,
            )
        try:
            with no_grad():
                if conversion.swap:
                    self._swap_in(param, param.module_load(source, assign=assign), source)
                    return None
                if not assign:
                    param.copy_(source)
                    return None
                if isinstance(param, Parameter):
                    if isinstance(source, Parameter):
                        source.requires_grad_(param.requires_grad)
                    else:
                        source = Parameter(source, param.requires_grad)
                setattr(self, name, source)
        except Exception as e:
            return (
                f'While {"swapping" if conversion.swap else "copying"} the parameter named "{key}", whose dimensions in the model are '
                f"{param.size()} and whose dimensions in the checkpoint are {source.size()}, "
                f"an exception occurred : {e.args}."
            )
        return None

    def load_state_dict(
        self: Any, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copies a state_dict into this module.

        Args:
            state_dict: tensors by dotted name.
            strict: raise when the names do not match exactly.
            assign: take the given tensors over instead of copying their values (requires_grad stays the
                module's).

        Returns: a named tuple with `missing_keys` and `unexpected_keys`.

        Raises:
            RuntimeError: shapes differ, or with `strict` names do.
            TypeError: `state_dict` is no mapping.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        state_dict = OrderedDict(state_dict)
        if metadata is not None:
            state_dict._metadata = metadata  # type: ignore[attr-defined]
        _load_tree(self, state_dict, "", metadata, strict, assign, missing, unexpected, errors)
        if strict:
            if unexpected:
                names = ", ".join(f'"{k}"' for k in unexpected)
                errors.insert(0, f"Unexpected key(s) in state_dict: {names}. ")
            if missing:
                names = ", ".join(f'"{k}"' for k in missing)
                errors.insert(0, f"Missing key(s) in state_dict: {names}. ")
        if errors:
            text = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{text}")
        return _IncompatibleKeys(missing, unexpected)


def _load_tree(
    module: Any, state: Any, prefix: str, metadata: Any, strict: bool, assign: bool, missing: list[str],
    unexpected: list[str], errors: list[str],
) -> None:  # fmt: skip
    local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
    if assign:
        local_metadata["assign_to_params_buffers"] = True
    module._load_from_state_dict(state, prefix, local_metadata, True, missing, unexpected, errors)
    for name, child in module._modules.items():
        if child is not None:
            inner = f"{prefix}{name}."
            part = OrderedDict((k, v) for k, v in state.items() if k.startswith(inner))
            _load_tree(child, part, inner, metadata, strict, assign, missing, unexpected, errors)
    result = _IncompatibleKeys(missing, unexpected)
    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, result) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                "expected to return new values, if incompatible_keys need to be modified, "
                "it should be done inplace."
            )
