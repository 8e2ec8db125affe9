"""Pruning: parameters multiplied by masks (`torch.nn.utils.prune`).

A pruned parameter `name` becomes the attribute `name` = `name_orig` (the parameter) * `name_mask` (a buffer),
computed before each forward.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..._core.modes import no_grad
from ..._core.tensor import Tensor, from_numpy_copy
from ...ops.creation import ones_like
from ...ops.random import rand
from ...ops.shape import cat

__all__ = [
    "BasePruningMethod",
    "PruningContainer",
    "Identity",
    "RandomUnstructured",
    "L1Unstructured",
    "RandomStructured",
    "LnStructured",
    "CustomFromMask",
    "identity",
    "random_unstructured",
    "l1_unstructured",
    "random_structured",
    "ln_structured",
    "global_unstructured",
    "custom_from_mask",
    "remove",
    "is_pruned",
]


class BasePruningMethod(ABC):
    """A way to choose what is pruned; subclasses define `compute_mask` and PRUNING_TYPE."""

    _tensor_name: str
    PRUNING_TYPE: str

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of `t`, starting from the one it has: 0 where pruned, 1 elsewhere."""

    def apply_mask(self, module: Any) -> Tensor:
        """The parameter times its mask."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        mask = getattr(module, self._tensor_name + "_mask")
        orig = getattr(module, self._tensor_name + "_orig")
        return mask.to(dtype=orig.dtype) * orig

    @classmethod
    def apply(
        cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prunes `module.name`; on top of earlier pruning if there was some. Returns the hook.

        Args:
            module, name: the parameter.
            *args, **kwargs: of the method's constructor.
            importance_scores: of the parameter's shape; decide instead of its values.
        """
        new = cls(*args, **kwargs)
        new._tensor_name = name
        method: BasePruningMethod = new
        for key, hook in list(module._forward_pre_hooks.items()):
            if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
                if not isinstance(hook, PruningContainer):
                    container = PruningContainer()
                    container._tensor_name = name
                    container.add_pruning_method(hook)
                    hook = container
                hook.add_pruning_method(new)
                method = hook
                del module._forward_pre_hooks[key]
        orig = getattr(module, name)
        if importance_scores is None:
            importance_scores = orig
        elif importance_scores.shape != orig.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}, "
                f"got {importance_scores.shape} vs {orig.shape}"
            )
        first = not isinstance(method, PruningContainer)
        if first:
            module.register_parameter(name + "_orig", orig)  # refuses what is no Parameter
            del module._parameters[name]
            default = ones_like(orig)
        else:
            default = getattr(module, name + "_mask").detach().clone()
        try:
            with no_grad():
                mask = method.compute_mask(importance_scores.detach(), default_mask=default)
        except Exception:
            if first:  # leave the module as it was
                module.register_parameter(name, module._parameters.pop(name + "_orig"))
            raise
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Tensor, default_mask: Any = None, importance_scores: Any = None) -> Tensor:
        """`t` pruned, without a module."""
        if importance_scores is not None and importance_scores.shape != t.shape:
            raise AssertionError(
                "importance_scores should have the same shape as tensor t, got "
                f"{importance_scores.shape} vs {t.shape}"
            )
        scores = t if importance_scores is None else importance_scores
        default_mask = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=default_mask)

    def remove(self, module: Any) -> None:
        """Makes the pruned value the parameter, for good."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        weight = self.apply_mask(module)
        name = self._tensor_name
        if hasattr(module, name):
            delattr(module, name)
        orig = module._parameters.pop(name + "_orig")
        orig.data = weight.data
        del module._buffers[name + "_mask"]
        setattr(module, name, orig)


class PruningContainer(BasePruningMethod):
    """Several methods one after the other on the same parameter."""

    def __init__(self, *args: BasePruningMethod):
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Adds one at the end."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                f"PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Any:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of the last method, over what the others have left."""
        method: Any = self._pruning_methods[-1]
        old = default_mask.numpy()
        if method.PRUNING_TYPE == "unstructured":
            index: Any = old == 1
            part = from_numpy_copy(np.ascontiguousarray(t.detach().cpu().numpy()[index]))
            new = default_mask.clone().cpu().numpy().copy()
            new[index] = method.compute_mask(part, ones_like(part)).numpy()
            return from_numpy_copy(new).to(default_mask.device)
        if method.PRUNING_TYPE == "structured":
            if not hasattr(method, "dim"):
                raise AttributeError(
                    'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
                )
            n, dim = t.dim(), method.dim
            dim = dim + n if dim < 0 else dim
            if dim < 0 or dim >= n:
                raise IndexError(f"Index is out of bounds for tensor with dimensions {n}")
            kept = old.sum(axis=tuple(d for d in range(n) if d != dim)) != 0
            index = (slice(None),) * dim + (kept,)
        elif method.PRUNING_TYPE == "global":
            index = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        new = old.copy()
        part = from_numpy_copy(np.ascontiguousarray(t.detach().cpu().numpy()[index]))
        inner = from_numpy_copy(np.ascontiguousarray(old[index]))
        new[index] = method.compute_mask(part, inner).numpy()
        return from_numpy_copy(new).to(default_mask.device)


class Identity(BasePruningMethod):
    """Prunes nothing; gives the parameter its mask."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class _Amount(BasePruningMethod):
    """A share (float) or number (int) of elements or channels."""

    def __init__(self, amount: float):
        if not isinstance(amount, numbers.Real):
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        integral = isinstance(amount, numbers.Integral)
        if (integral and amount < 0) or (not integral and not 0.0 <= float(amount) <= 1.0):
            raise ValueError(
                f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
            )
        self.amount = amount

    def _count(self, size: int) -> int:
        if not isinstance(self.amount, numbers.Integral):
            return round(self.amount * size)
        if self.amount > size:
            raise ValueError(
                f"amount={self.amount} should be smaller than the number of parameters to prune={size}"
            )
        return int(self.amount)


class _Unstructured(_Amount):
    PRUNING_TYPE = "unstructured"

    def _lowest(self, t: Tensor) -> tuple[Tensor, bool]:
        """Scores, and whether the largest are pruned (else the smallest)."""
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = self._count(t.numel())
        mask = default_mask.clone()
        if count:
            scores, largest = self._lowest(t)
            mask.view(-1)[scores.reshape(-1).topk(count, largest=largest).indices] = 0
        return mask


class RandomUnstructured(_Unstructured):
    """Random elements."""

    def _lowest(self, t: Tensor) -> tuple[Tensor, bool]:
        return rand(tuple(t.shape), device=t.device, dtype=t.dtype), True


class L1Unstructured(_Unstructured):
    """The elements of smallest absolute value."""

    def _lowest(self, t: Tensor) -> tuple[Tensor, bool]:
        return t.abs(), False


class _Structured(_Amount):
    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1):
        super().__init__(amount)
        self.dim = dim

    def _checked_size(self, t: Tensor) -> int:
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{t.shape} with {len(t.shape)} dims"
            )
        if self.dim >= t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        return t.shape[self.dim]

    def _masked(self, t: Tensor, default_mask: Tensor, keep: Tensor) -> Tensor:
        shape = [1] * t.dim()
        shape[self.dim] = -1
        return default_mask * keep.to(default_mask.dtype).reshape(shape)


class RandomStructured(_Structured):
    """Random channels along `dim`."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        size = self._checked_size(t)
        count = self._count(size)
        if count == 0:
            return default_mask
        prob = rand(size)
        return self._masked(t, default_mask, (prob > prob.kthvalue(count).values).to(t.device))


class LnStructured(_Structured):
    """The channels along `dim` of smallest n-norm."""

    def __init__(self, amount: float, n: Any, dim: int = -1):
        super().__init__(amount, dim)
        self.n = n

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        size = self._checked_size(t)
        count = self._count(size)
        if count == 0:
            return default_mask
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        norms = t.norm(p=self.n, dim=others)
        keep = norms.new_zeros(size)
        keep[norms.topk(size - count, largest=True).indices] = 1
        return self._masked(t, default_mask, keep)


class CustomFromMask(BasePruningMethod):
    """A given mask."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor):
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(default_mask.dtype)


# ---- on modules: each prunes `module.name` and returns the module --------------------------------


def identity(module: Any, name: str) -> Any:
    """Gives the parameter a mask of ones."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: float) -> Any:
    """Prunes random elements; `amount` is a share or a number."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: float, importance_scores: Tensor | None = None) -> Any:
    """Prunes the elements of smallest absolute value."""
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: float, dim: int) -> Any:
    """Prunes random channels along `dim`."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Any, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> Any:
    """Prunes the channels along `dim` of smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Any, name: str, mask: Tensor) -> Any:
    """Prunes by a given mask."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Any, pruning_method: Any, importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prunes several parameters as if they were one.

    Args:
        parameters: (module, name) pairs.
        pruning_method: an unstructured method's class.
        importance_scores: dict from (module, name) to scores.
        **kwargs: of the method, e.g. `amount`.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    parameters = list(parameters)
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    values = [scores.get((m, name), getattr(m, name)) for m, name in parameters]
    flat = cat([v.detach().reshape(-1) for v in values])
    masks = [getattr(m, name + "_mask", None) for m, name in parameters]
    default = cat([ones_like(v).reshape(-1) if k is None else k.reshape(-1) for v, k in zip(values, masks)])
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container.add_pruning_method(method)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
            f"Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    final = container.compute_mask(flat, default)
    start = 0
    for module, name in parameters:
        param = getattr(module, name)
        n = param.numel()
        custom_from_mask(module, name, mask=final[start : start + n].reshape(param.shape))
        start += n


def remove(module: Any, name: str) -> Any:
    """Makes the pruned value the parameter, for good; ValueError if it was not pruned."""
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Any) -> bool:
    """Whether the module or one below it is pruned."""
    return any(
        isinstance(hook, BasePruningMethod)
        for sub in module.modules()
        for hook in sub._forward_pre_hooks.values()
    )
