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


def _static(call: Any, param: str, default: Any = None) -> Any:
    """The value of a static parameter."""
    how = call.derived.get("plan", {}).get(param, ("default",))
    return how[1] if how[0] == "static" else default


def _of(mapping: dict[Any, str], param: str, default: str) -> Callable[[Any], str]:
    """By the value of a static parameter."""
    return lambda call: mapping.get(_static(call, param), default)


def _convolution(call: Any) -> str:
    """PyTorch makes a batch of one for a single example, and drops its dimension last."""
    alone = call.avals[0].ndim < call.avals[1].ndim
    return "SqueezeBackward1" if alone else "ConvolutionBackward0"


def _matmul(call: Any) -> str:
    dims = call.avals[0].ndim, call.avals[1].ndim
    names = {(2, 2): "MmBackward0", (2, 1): "MvBackward0", (1, 1): "DotBackward0", (1, 2): "SqueezeBackward4"}
    return names.get(dims, "UnsafeViewBackward0")


def _linear(call: Any) -> str:
    bias, n = len(call.avals) > 2, call.avals[0].ndim
    if n == 2:
        return "AddmmBackward0" if bias else "MmBackward0"
    return "ViewBackward0" if bias else "SqueezeBackward4" if n == 1 else "UnsafeViewBackward0"


def _einsum(call: Any) -> str:
    terms, arrow, out = _static(call, "equation", "").replace(" ", "").partition("->")
    if not arrow:
        out = "".join(c for c in terms if c == "." or terms.count(c) == 1)
    if len(call.avals) == 1:
        return "PermuteBackward0" if set(terms) <= set(out) else "SumBackward1"
    labels = terms.split(",")
    summed = set("".join(labels)) - set(out)
    return "ViewBackward0" if summed else "MulBackward0"


def _upsample(call: Any) -> str:
    rank = call.avals[0].ndim - 2
    mode = _static(call, "mode", "nearest")
    if mode == "area":
        return "SqueezeBackward1" if rank == 1 else f"AdaptiveAvgPool{rank}DBackward0"
    camel = "".join(part.capitalize() for part in mode.split("-"))
    return f"Upsample{camel}{rank}D{'Aa' * bool(_static(call, 'antialias'))}Backward0"


def _nll_loss(call: Any) -> str:
    return "NllLossBackward0" if call.avals[0].ndim < 3 else "NllLoss2DBackward0"


def _cross_entropy(call: Any) -> str:
    if call.avals[1].dtype.is_floating_point:
        return "DivBackward1" if _static(call, "reduction") == "mean" else "NegBackward0"
    return "AddBackward0" if _static(call, "label_smoothing") else _nll_loss(call)


def _matrix_norm(call: Any) -> str:
    order = _static(call, "ord", "fro")
    if order == "nuc":
        return "PermuteBackward0" if _static(call, "keepdim") else "SumBackward1"
    return (
        "LinalgVectorNormBackward0" if order == "fro" else "AmaxBackward0" if order > 0 else "AminBackward0"
    )


def _recurrent(call: Any) -> str:
    if _static(call, "batch_first"):
        return "TransposeBackward0" if _static(call, "mode") == "lstm" else "TransposeBackward1"
    if _static(call, "mode") == "lstm":
        return "MkldnnRnnLayerBackward0"
    return "CatBackward0" if _static(call, "bidirectional") else "StackBackward0"


def _adaptive_mean(rank: int) -> Callable[[Any], str]:
    """The mean of all is one in PyTorch."""
    ones = (1,) * rank
    return lambda call: (
        "MeanBackward1" if call.outs[0].shape[-rank:] == ones else f"AdaptiveAvgPool{rank}DBackward0"
    )


def _attention(call: Any) -> str:
    """Only batches of heads without dropout have a kernel of their own on the CPU."""
    if call.avals[0].ndim == 2:
        return "MmBackward0"
    plain = call.avals[0].ndim == 4 and not _given(call, "keep")
    return "ScaledDotProductFlashAttentionForCpuBackward0" if plain else "UnsafeViewBackward0"


# by reduction: the last formula of losses that PyTorch composes, without one and where it is a sum
_COMPOSED = {"L1Loss": "Abs", "PoissonNllLoss": "Sub", "CosineEmbeddingLoss": "Add", "MarginRankingLoss": "ClampMin",
             "TripletMarginLoss": "ClampMin", "CtcLoss": "CtcLoss", "HingeEmbeddingLoss": "Add",
             "GaussianNllLoss": "Mul", "MultilabelSoftMarginLoss": "Div"}  # fmt: skip


def _loss(last: str) -> Callable[[Any], str]:
    return _of({"sum": "SumBackward0", "none": f"{last}Backward0"}, "reduction", "MeanBackward0")


def _kl_div(call: Any) -> str:
    last = "Mul" if _static(call, "log_target") else "Sub"
    return "DivBackward0" if _static(call, "reduction") == "batchmean" else _loss(last)(call)


def _fft(call: Any) -> str:
    return "FftC2CBackward0" if call.avals[0].dtype.is_complex else "FftR2CBackward0"


_NAMES: dict[str, str | Callable[[Any], str]] = {
    "SubBackward0": _by_numbers("SubBackward0", "RsubBackward1", "SubBackward0"),
    "DivBackward0": _by_numbers("DivBackward0", "MulBackward0", "DivBackward0"),
    "PowBackward0": _by_numbers("PowBackward1", "PowBackward2", "PowBackward0"),
    "ClampBackward0": lambda call: f"ClampBackward{int(all(a.group for a in call.avals[1:]))}",
    **{f"{n}Backward0": _by_dim(n) for n in ("Sum", "Mean", "Prod", "Median", "Nansum", "Nanmedian")},
    **{f"{n}Backward0": _by_dim(n, 1) for n in ("Max", "Min")},
    "NansumBackward0": "NansumBackward0",
    **{f"{n}Backward0": _loss(last) for n, last in _COMPOSED.items()},
    "KlDivBackward0": _kl_div,
    "NllLossBackward0": _nll_loss,
    "MatmulBackward0": _matmul,
    "LinearBackward0": _linear,
    "CrossEntropyBackward0": _cross_entropy,
    "Log1pBackward0": "Log1PBackward0",
    "DropoutBackward0": lambda call: "AddBackward0" if _static(call, "alpha") else "MulBackward0",
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
    "EinsumBackward0": _einsum,
    "TensordotBackward0": "ViewBackward0",
    "BilinearBackward0": lambda call: "AddBackward0" if _given(call, "bias") else "ViewBackward0",
    "ConvolutionBackward0": _convolution,
    "MaxPool1DWithIndicesBackward0": "SqueezeBackward1",
    "AvgPool1DBackward0": "SqueezeBackward1",
    "AdaptiveAvgPool1DBackward0": "SqueezeBackward1",
    "AdaptiveAvgPool2DBackward0": _adaptive_mean(2),
    "AdaptiveAvgPool3DBackward0": _adaptive_mean(3),
    "AdaptiveMaxPool1dBackward0": "SqueezeBackward1",
    "AdaptiveMaxPool2dBackward0": "AdaptiveMaxPool2DBackward0",
    "AdaptiveMaxPool3dBackward0": "AdaptiveMaxPool3DBackward0",
    "FractionalMaxPoolBackward0": lambda call: f"FractionalMaxPool{len(_static(call, 'out'))}DBackward0",
    "MaxUnpoolBackward0": lambda call: (
        "SqueezeBackward1" if len(_static(call, "size")) == 1 else f"MaxUnpool{len(_static(call, 'size'))}DBackward0"
    ),
    "LpPool1dBackward0": "PowBackward0",
    "LpPool3dBackward0": "PowBackward0",
    "UpsampleBackward0": _upsample,
    "RecurrentBackward0": _recurrent,
    "RnnTanhCellBackward0": "TanhBackward0",
    "RnnReluCellBackward0": "ReluBackward0",
    "LstmCellBackward0": "MulBackward0",
    "GruCellBackward0": "AddBackward0",
    "MultiHeadAttentionBackward0": lambda call: "SqueezeBackward1" if call.avals[0].ndim == 2 else "ViewBackward0",
    "RreluRandomBackward0": "RreluWithNoiseBackward0",
    "CovBackward0": "SqueezeBackward0",
    "CorrcoefBackward0": lambda call: "ClampBackward1" if call.outs[0].ndim else "DivBackward0",
    "QuantileBackward0": "SqueezeBackward4",
    "NanquantileBackward0": "SqueezeBackward4",
    "RepeatInterleaveBackward0": "ViewBackward0",
    "MsortBackward0": "SortBackward0",
    "InnerBackward0": "ViewBackward0",
    "LerpBackward0": lambda call: f"LerpBackward{int(not call.avals[2].group)}",
    "Deg2radBackward0": "Deg2RadBackward0",
    "Rad2degBackward0": "Rad2DegBackward0",
    "RsubBackward0": _by_numbers("RsubBackward0", "RsubBackward0", "RsubBackward1"),
    "RemainderBackward0": _by_numbers("RemainderBackward1", "NotImplemented", "RemainderBackward0"),
    "FmodBackward0": _by_numbers("FmodBackward1", "FmodBackward1", "FmodBackward0"),
    "XlogyBackward0": _by_numbers("XlogyBackward0", "XlogyBackward1", "XlogyBackward2"),
    "Xlog1pyBackward0": _by_numbers(*(f"SpecialXlog1PyBackward{k}" for k in range(3))),
    "ZetaBackward0": _by_numbers(*(f"SpecialZetaBackward{k}" for k in range(3))),
    "NdtrBackward0": "MulBackward1",
    "NdtriBackward0": "SpecialNdtriBackward0",
    "LogNdtrBackward0": "SpecialLogNdtrBackward0",
    "ErfcxBackward0": "SpecialErfcxBackward0",
    "I0eBackward0": "SpecialI0EBackward0",
    "I1Backward0": "SpecialI1Backward0",
    "I1eBackward0": "SpecialI1EBackward0",
    "FillBackward0": lambda call: f"FillBackward{int(not call.avals[1].group)}",
    "RoundBackward0": lambda call: f"RoundBackward{int(bool(_static(call, 'decimals')))}",
    "CumulativeTrapezoidBackward0": lambda call: "DivBackward1" if _given(call, "x") else "CumsumBackward0",
    "InstanceNormBackward0": "ViewBackward0",
    "RmsNormBackward0": "MulBackward0",
    "NormalizeBackward0": "DivBackward0",
    "CosineSimilarityBackward0": "SumBackward1",
    "PairwiseDistanceBackward0": "NormBackward1",
    "ScaledDotProductAttentionBackward0": _attention,
    "EntrBackward0": "SpecialEntrBackward0",
    "LinalgInvBackward0": "LinalgInvExBackward0",
    "LinalgCholeskyBackward0": "LinalgCholeskyExBackward0",
    "LinalgSolveBackward0": "LinalgSolveExBackward0",
    "LinalgMatrixPowerBackward0": "MmBackward0",
    "LinalgMultiDotBackward0": "ViewBackward0",
    "LogdetBackward0": "WhereBackward0",
    "KronBackward0": "UnsafeViewBackward0",
    "TrapezoidBackward0": lambda call: "DivBackward1" if _given(call, "x") else "MulBackward1",
    "SlogdetBackward0": "LinalgSlogdetBackward0",
    "LinalgMatrixNormBackward0": _matrix_norm,
    "LinalgCondBackward0": "SqueezeBackward1",
    "LinalgEigvalsBackward0": "LinalgEigBackward0",
    "LinalgEigvalshBackward0": "LinalgEighBackward0",
    "LinalgSvdvalsBackward0": "LinalgSvdBackward0",
    "LinalgLuFactorBackward0": "LinalgLuFactorExBackward0",
    "LuSolveBackward0": "LinalgLuSolveBackward0",
    "LinalgVanderBackward0": "CatBackward0",
    "LinalgVecdotBackward0": "SumBackward1",
    "LinalgTensorinvBackward0": "ReshapeAliasBackward0",
    "LinalgTensorsolveBackward0": "ViewBackward0",
    "SvdBackward0": "LinalgSvdBackward0",
    "QrBackward0": "LinalgQrBackward0",
    "DiffBackward0": "SubBackward0",
    "GradientBackward0": "CatBackward0",
    "FftFftBackward0": _fft,
    "FftIfftBackward0": _fft,
    **{f"Fft{n}Backward0": "FftC2CBackward0" for n in ("Fft2", "Fftn", "Ifft2", "Ifftn", "Ihfft2", "Ihfftn")},
    **{f"Fft{n}Backward0": "FftR2CBackward0" for n in ("Rfft", "Rfft2", "Rfftn")},
    **{f"Fft{n}Backward0": "FftC2RBackward0" for n in ("Irfft", "Irfft2", "Irfftn", "Hfft", "Hfft2", "Hfftn")},
    "FftIhfftBackward0": "ConjBackward0",
    "FftFftshiftBackward0": "RollBackward0",
    "FftIfftshiftBackward0": "RollBackward0",
    "StftBackward0": "TransposeBackward1",
    "RealBackward0": "SelectBackward0",
    "ImagBackward0": "SelectBackward0",
    "UnfoldBackward0": lambda call: "Im2ColBackward0" if "kernel_size" in call.derived.get("plan", {}) else "UnfoldBackward0",
    "FoldBackward0": "Col2ImBackward0",
    "GumbelSoftmaxBackward0": "SoftmaxBackward0",
    "LpPool2dBackward0": "PowBackward0",
    "LocalResponseNormBackward0": "DivBackward0",
    "GridSamplerBackward0": lambda call: f"GridSampler{call.avals[0].ndim - 2}DBackward0",
    "PadBackward0": lambda call: _of(
        {"reflect": f"ReflectionPad{call.avals[0].ndim - 2}DBackward0",
         "replicate": f"ReplicationPad{call.avals[0].ndim - 2}DBackward0",
         "circular": "CopySlices"}, "mode", "ConstantPadNdBackward0")(call),
}  # fmt: skip

# of rows whose in-place overload has a formula of its own; those of views come after the ones of the views
INPLACE = {
    **{f"{n}Backward0": f"{n}Backward1" for n in ("T", "Transpose", "Unsqueeze", "AsStrided")},
    **{f"SqueezeBackward{k}": f"SqueezeBackward{k + 3}" for k in range(3)},
    **{f"{n}Backward0": f"{n}Backward1" for n in ("Elu", "LeakyRelu", "Celu", "Threshold")},
    "RreluRandomBackward0": "RreluWithNoiseBackward1",
    "SeluBackward0": "EluBackward1",
}


def renamed(t: Any, name: str) -> Any:
    """A fresh Tensor, whose Node bears another name from now on."""
    if t._node is not None:
        t._node._name = name
    return t
