"""`torch.backends.quantized`: no engine for quantised operators is built in."""

from ._flags import flag_module

supported_engines = ["none"]
flag_module(__name__, engine="none")
