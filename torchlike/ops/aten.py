"""`torch.ops.aten`: names by which PyTorch knows operators, for code that tells them apart.

One row stands for what may be several operators there; its name is that of the one which does the work, so
that a linear layer is `aten.addmm` or `aten.mm`, and attention `aten._scaled_dot_product_flash_attention_for_cpu`.
"""

from __future__ import annotations

from typing import Any

from .._core.registry import namespace
from .._core.row import Op
from .._core.tensor import Tensor


class OpOverload:
    """One operator: equal to no other, and callable if it has a public function."""

    namespace = "aten"

    def __init__(self, packet: OpOverloadPacket, overload: str):
        self.overloadpacket, self._overloadname = packet, overload
        self.__name__ = f"{packet.__name__}.{overload}"

    def name(self) -> str:
        """`aten::add.Tensor`."""
        tail = "" if self._overloadname == "default" else f".{self._overloadname}"
        return f"aten::{self.overloadpacket.__name__}{tail}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.overloadpacket(*args, **kwargs)

    def __str__(self) -> str:
        return f"aten.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='aten.{self.overloadpacket.__name__}', overload='{self._overloadname}')>"


class OpOverloadPacket:
    """All overloads of an operator; as attributes, the single ones."""

    def __init__(self, name: str, overloads: tuple[str, ...]):
        self.__name__ = name
        self._made = {o: OpOverload(self, o) for o in overloads}

    def overloads(self) -> list[str]:
        """Their names."""
        return list(self._made)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fn = _function(self.__name__)
        if fn is None:
            raise NotImplementedError(
                f"aten::{self.__name__} is a name only here; call the public function that uses it"
            )
        return fn(*args, **kwargs)

    def __getattr__(self, name: str) -> OpOverload:
        if name.startswith("__") or name not in self._made:
            raise AttributeError(f"The underlying op of 'aten.{self.__name__}' has no overload name '{name}'")
        return self._made[name]

    def __str__(self) -> str:
        return f"aten.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='aten.{self.__name__}')>"


# ---- which overloads there are, and which one a call of a row is -------------------------------------

# operators whose second operand is a tensor or a number, and the overloads for each
_BINARY = {
    **dict.fromkeys(("add", "sub", "mul", "div", "fmod", "remainder"), ("Tensor", "Tensor")),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "bitwise_and", "bitwise_or"), ("Tensor", "Scalar")),
    "pow": ("Tensor_Tensor", "Tensor_Scalar"), "masked_fill": ("Tensor", "Scalar"),
    **dict.fromkeys(("maximum", "minimum", "atan2"), ("default", "default")),
}  # fmt: skip
# reductions: the overloads without and with `dim`
_REDUCTIONS = {
    "sum": ("default", "dim_IntList"), "mean": ("default", "dim"), "max": ("default", "dim"), "min": ("default", "dim"),
    "prod": ("default", "dim_int"), "any": ("default", "dim"), "all": ("default", "dim"),
    "var": ("correction", "correction"), "std": ("correction", "correction"),
}  # fmt: skip
_SINGLE = {"where": "self", "index": "Tensor", "rsub": "Scalar"}
# rows whose operator has another name
_RENAMED = {
    "softmax": "_softmax", "log_softmax": "_log_softmax", "layer_norm": "native_layer_norm",
    "batch_norm": "native_batch_norm", "group_norm": "native_group_norm", "nll_loss": "nll_loss_forward",
    **{f"{kind}{rank}d": "convolution" for kind in ("conv", "conv_transpose") for rank in (1, 2, 3)},
    "max_pool2d": "max_pool2d_with_indices", "max_pool3d": "max_pool3d_with_indices", "dropout": "native_dropout",
    "scaled_dot_product_attention": "_scaled_dot_product_flash_attention_for_cpu", "vector_norm": "linalg_vector_norm",
    "cross_entropy": "cross_entropy_loss", "_batch_norm_train": "native_batch_norm",
    "_batch_norm_eval": "native_batch_norm", "_keep": "bernoulli",
}  # fmt: skip
_packets: dict[str, OpOverloadPacket] = {}


def _function(name: str) -> Any:
    for space in ("torch", "nn.functional", "Tensor"):
        found = namespace(space).get(name)
        if found is not None:
            return found
    return None


def _packet(name: str) -> OpOverloadPacket:
    found = _packets.get(name)
    if found is None:
        pairs = _BINARY.get(name) or _REDUCTIONS.get(name) or (_SINGLE.get(name, "default"),)
        found = _packets[name] = OpOverloadPacket(name, tuple(dict.fromkeys((*pairs, "default"))))
    return found


def _product(a: Any, b: Any) -> str:
    if a.dim() == b.dim() == 1:
        return "dot"
    if b.dim() == 1:
        return "mv"
    return "bmm" if b.dim() > 2 or (a.dim() > 2 and b.dim() > 2) else "mm"


def overload_of(op: Op, args: tuple[Any, ...]) -> OpOverload:
    """PyTorch's operator for a call of a row."""
    name = op.name
    if name == "linear":
        return _packet("mm" if args[2] is None else "addmm").default
    if name == "matmul":
        return _packet(_product(args[0], args[1])).default
    if name in _BINARY:
        with_tensor, with_number = _BINARY[name]
        other = args[2 if name == "masked_fill" else 1]
        return getattr(_packet(name), with_tensor if isinstance(other, Tensor) else with_number)
    if name in _REDUCTIONS:
        plain, along = _REDUCTIONS[name]
        has_dim = "dim" in op.params and args[op.params.index("dim")] is not None
        return getattr(_packet(name), along if has_dim else plain)
    name = _RENAMED.get(name, name)
    return getattr(_packet(name), _SINGLE.get(name, "default"))


def __getattr__(name: str) -> OpOverloadPacket:
    if name.startswith("__") or (
        name not in _RENAMED.values() and name not in _SINGLE and _function(name) is None
    ):
        raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute '{name}'")
    return _packet(name)
