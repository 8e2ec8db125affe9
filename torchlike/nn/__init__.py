"""Layers, losses, containers, initialization and helpers for training (`torch.nn`)."""

# ruff: noqa: F403 - each part names what it exports

from .._core.names import missing as _missing
from . import (
    attention as attention,
)
from . import (
    common_types as common_types,
)
from . import (
    functional as functional,
)
from . import (
    init as init,
)
from . import (
    modules as modules,
)
from . import (
    parallel as parallel,
)
from . import (
    parameter as parameter,
)
from . import (
    utils as utils,
)
from .modules import *
from .modules import Module as Module
from .parallel import DataParallel as DataParallel
from .parameter import (  # noqa: I001 - parameters first: modules build on them
    Buffer as Buffer,
)
from .parameter import (
    Parameter as Parameter,
)
from .parameter import (
    UninitializedBuffer as UninitializedBuffer,
)
from .parameter import (
    UninitializedParameter as UninitializedParameter,
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


__getattr__ = _missing(__name__)
