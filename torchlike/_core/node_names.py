"""Names of Nodes, where PyTorch's are not the row's.

PyTorch names a node after the derivative formula, which depends on the overload that the
arguments chose, and for operators it composes after the last formula. Names are worked out
when somebody looks at one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def node_name(row_name: str, call: Any) -> str:
    """The name that PyTorch gives to the node of this call; `row_name` is its row's `grad_name`."""
    found = _NAMES.get(row_name, row_name)
    return found if isinstance(found, str) else found(call)


def _given(call: Any, param: str) -> bool:
    """Whether a static parameter was given, and is not None."""
    how = call.derived.get("plan", {}).get(param, ("default",))
    return how[0] == "array" or how[0] == "static" and how[1] is not None


def _by_dim(name: str, whole: int = 0) -> Callable[[Any], str]:
    """One overload over all elements, the other over dimensions."""
    return lambda call: f"{name}Backward{1 - whole if _given(call, 'dim') else whole}"


def _by_numbers(neither: str, first: str, second: str) -> Callable[[Any], str]:
    """By which of the two operands is a number."""

    def name(call: Any) -> str:
        a = call.avals
        return first if a[0].group else second if len(a) < 2 or a[1].group else neither

    return name


def _matmul(call: Any) -> str:
    dims = call.avals[0].ndim, call.avals[1].ndim
    names = {(2, 2): "MmBackward0", (2, 1): "MvBackward0", (1, 1): "DotBackward0", (1, 2): "SqueezeBackward4"}
    return names.get(dims, "UnsafeViewBackward0")


def _linear(call: Any) -> str:
    bias = len(call.avals) > 2
    if call.avals[0].ndim == 2:
        return "AddmmBackward0" if bias else "MmBackward0"
    return "ViewBackward0" if bias else "UnsafeViewBackward0"


def _of(mapping: dict[Any, str], param: str, default: str) -> Callable[[Any], str]:
    """By the value of a static parameter."""

    def name(call: Any) -> str:
        how = call.derived.get("plan", {}).get(param, ("default",))
        return mapping.get(how[1], default) if how[0] == "static" else default

    return name


_LAST_MEAN = ("L1Loss", "KlDiv", "PoissonNllLoss", "CosineEmbeddingLoss", "MarginRankingLoss", "TripletMarginLoss",
              "CtcLoss", "HingeEmbeddingLoss", "GaussianNllLoss")  # fmt: skip
_REDUCED: dict[Any, str] = {"sum": "SumBackward0"}

_NAMES: dict[str, str | Callable[[Any], str]] = {
    "SubBackward0": _by_numbers("SubBackward0", "RsubBackward1", "SubBackward0"),
    "DivBackward0": _by_numbers("DivBackward0", "MulBackward0", "DivBackward0"),
    "PowBackward0": _by_numbers("PowBackward1", "PowBackward2", "PowBackward0"),
    "ClampBackward0": lambda call: f"ClampBackward{int(all(a.group for a in call.avals[1:]))}",
    **{f"{n}Backward0": _by_dim(n) for n in ("Sum", "Mean", "Prod", "Median", "Nansum")},
    **{f"{n}Backward0": _by_dim(n, 1) for n in ("Max", "Min")},
    "NansumBackward0": "NansumBackward0",
    **{f"{n}Backward0": _of(_REDUCED, "reduction", "MeanBackward0") for n in _LAST_MEAN},
    "MatmulBackward0": _matmul,
    "LinearBackward0": _linear,
    "CrossEntropyBackward0": "NllLossBackward0",
    "Log1pBackward0": "Log1PBackward0",
    "SquareBackward0": "PowBackward0",
    "Relu6Backward0": "HardtanhBackward0",
    "SeluBackward0": "EluBackward0",
    "LogsigmoidBackward0": "LogSigmoidBackward0",
    "SoftsignBackward0": "DivBackward0",
    "TanhshrinkBackward0": "SubBackward0",
    "PreluBackward0": "PreluKernelBackward0",
    "NanmeanBackward0": "DivBackward0",
    "TakeFlatBackward0": "MaskedSelectBackward0",
    "TakeAlongDimBackward0": "GatherBackward0",
    "OuterBackward0": "MulBackward0",
    "EinsumBackward0": "ViewBackward0",
    "TensordotBackward0": "ViewBackward0",
    "BilinearBackward0": "ViewBackward0",
    "AdaptiveMaxPool2dBackward0": "AdaptiveMaxPool2DBackward0",
    "InstanceNormBackward0": "ViewBackward0",
    "RmsNormBackward0": "MulBackward0",
    "NormalizeBackward0": "DivBackward0",
    "CosineSimilarityBackward0": "SumBackward1",
    "PairwiseDistanceBackward0": "NormBackward1",
    "ScaledDotProductAttentionBackward0": "ScaledDotProductFlashAttentionForCpuBackward0",
    "EntrBackward0": "SpecialEntrBackward0",
    "LinalgInvBackward0": "LinalgInvExBackward0",
    "LinalgCholeskyBackward0": "LinalgCholeskyExBackward0",
    "LinalgSolveBackward0": "LinalgSolveExBackward0",
    "LinalgMatrixPowerBackward0": "MmBackward0",
    "LinalgMultiDotBackward0": "ViewBackward0",
    "LogdetBackward0": "WhereBackward0",
    "KronBackward0": "UnsafeViewBackward0",
    "TrapezoidBackward0": "MulBackward1",
    "DiffBackward0": "SubBackward0",
    "GradientBackward0": "CatBackward0",
    "FftFftBackward0": lambda call: "FftC2CBackward0" if call.avals[0].dtype.is_complex else "FftR2CBackward0",
    "FftRfftBackward0": "FftR2CBackward0",
    "FftIfftBackward0": lambda call: "FftC2CBackward0" if call.avals[0].dtype.is_complex else "FftR2CBackward0",
    "FftIrfftBackward0": "FftC2RBackward0",
    "RealBackward0": "SelectBackward0",
    "ImagBackward0": "SelectBackward0",
    "ConjPhysicalBackward0": "ConjBackward0",
    "UnfoldBackward0": lambda call: "Im2ColBackward0" if "kernel_size" in call.derived.get("plan", {}) else "UnfoldBackward0",
    "FoldBackward0": "Col2ImBackward0",
    "GumbelSoftmaxBackward0": "SoftmaxBackward0",
    "LpPool2dBackward0": "PowBackward0",
    "LocalResponseNormBackward0": "DivBackward0",
    "GridSamplerBackward0": lambda call: f"GridSampler{call.avals[0].ndim - 2}DBackward0",
    "PadBackward0": lambda call: _of(
        {"reflect": f"ReflectionPad{call.avals[0].ndim - 2}DBackward0",
         "replicate": f"ReplicationPad{call.avals[0].ndim - 2}DBackward0"}, "mode", "ConstantPadNdBackward0")(call),
}  # fmt: skip
