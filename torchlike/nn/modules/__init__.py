"""All layers, by file as in `torch.nn.modules`."""

# ruff: noqa: F403 - each part names what it exports

from .module import Module as Module  # noqa: I001 - first: the files below build on it
from . import (
    activation,
    container,
    conv,
    lazy_conv,
    linear_cross_entropy,
    loss,
    multihead,
    parameter_container,
)
from . import rnn, rnn_cell
from .activation import *
from .adaptive import *
from .batchnorm import *
from .channelshuffle import *
from .container import *
from .conv import *
from .distance import *
from .dropout import *
from .flatten import *
from .fold import *
from .instancenorm import *
from .lazy_conv import *
from .linear import *
from .linear_cross_entropy import *
from .loss import *
from .multihead import *
from .normalization import *
from .padding import *
from .pixelshuffle import *
from .pooling import *
from .rnn import *
from .sparse import *
from .transformer import *
from .upsampling import *

# PyTorch keeps these layers in larger files, and pickles name a class by its file.
for _file, _part in (
    (activation, multihead), (conv, lazy_conv), (loss, linear_cross_entropy), (container, parameter_container), (rnn, rnn_cell),
):  # fmt: skip
    for _name in _part.__all__:
        _layer = getattr(_part, _name)
        if issubclass(_layer, Module):
            _layer.__module__ = _file.__name__
            setattr(_file, _name, _layer)

__all__ = [name for name, value in list(globals().items()) if isinstance(value, type)]  # pyright: ignore
