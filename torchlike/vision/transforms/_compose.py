"""Transforms made of transforms."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from ...nn import Module, ModuleList
from ._image import draw_unit


class Transform(Module):
    """Base of the transforms that are modules: calling one outside taping ends no pending work."""

    def _bare_call(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)


def _listed(name: str, transforms: Any, *first: str) -> str:
    return "\n".join([name + "(", *first, *(f"    {t}" for t in transforms), ")"])


class Compose:
    """Applies transforms one after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]):
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for t in self.transforms:
            img = t(img)
        return img

    def __repr__(self) -> str:
        return _listed(type(self).__name__, self.transforms)


class RandomApply(Transform):
    """Applies all of a list of transforms with probability `p`, or none."""

    def __init__(self, transforms: Any, p: float = 0.5):
        super().__init__()
        self.transforms = transforms if isinstance(transforms, ModuleList) else list(transforms)
        self.p = p

    def forward(self, img: Any) -> Any:
        if self.p < draw_unit():
            return img
        for t in self.transforms:
            img = t(img)
        return img

    def __repr__(self) -> str:
        return _listed(type(self).__name__, self.transforms, f"    p={self.p}")


class RandomTransforms:
    """Base of the choices over a list of transforms; these draw from Python's `random`, as torchvision's do.

    Raises:
        TypeError: `transforms` is no sequence.
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]):
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __repr__(self) -> str:
        return _listed(type(self).__name__, self.transforms)


class RandomChoice(RandomTransforms):
    """Applies one of several transforms, chosen with the probabilities `p`."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: Sequence[float] | None = None):
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, *args: Any) -> Any:
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"


class RandomOrder(RandomTransforms):
    """Applies all transforms in a random order."""

    def __call__(self, img: Any) -> Any:
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img
