"""Layers, losses, containers, initialization and helpers for training (`torch.nn`)."""

# ruff: noqa: F403 - each part names what it exports

from .parameter import (  # noqa: I001 - parameters first: modules build on them
    Buffer as Buffer,
    Parameter as Parameter,
    UninitializedBuffer as UninitializedBuffer,
    UninitializedParameter as UninitializedParameter,
)
from .modules import *
from .modules import Module as Module
from .parallel import DataParallel as DataParallel
from . import (
    attention as attention,
    common_types as common_types,
    functional as functional,
    init as init,
    modules as modules,
    parallel as parallel,
    parameter as parameter,
    utils as utils,
)


def factory_kwargs(kwargs):
    """The device, dtype and memory_format of `kwargs`, also from its "factory_kwargs", as one dict.

    Raises:
        TypeError: there are other keys, or a key is given in both.
    """
    if kwargs is None:
        return {}
    simple = {"device", "dtype", "memory_format"}
    expected = simple | {"factory_kwargs"}
    if not kwargs.keys() <= expected:
        raise TypeError(f"unexpected kwargs {kwargs.keys() - expected}")
    out = dict(kwargs.get("factory_kwargs", {}))
    for key in simple & kwargs.keys():
        if key in out:
            raise TypeError(f"{key} specified twice, in **kwargs and in factory_kwargs")
        out[key] = kwargs[key]
    return out
