"""Layers, losses, containers, initialization and helpers for training (`torch.nn`)."""

from .parameter import (  # noqa: I001 - parameters first: modules build on them
    Buffer as Buffer,
    Parameter as Parameter,
    UninitializedBuffer as UninitializedBuffer,
    UninitializedParameter as UninitializedParameter,
)
from .modules import *
from .modules import Module as Module
from . import functional as functional, init as init, modules as modules, parameter as parameter, utils as utils
