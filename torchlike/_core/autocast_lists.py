"""Which operator autocast runs in which precision: one table per device type.

Rows are named as they are declared, composite functions with their space in front. The lists are
PyTorch's 2.13, with what follows from them where PyTorch composes an operator of listed ones and
one row computes it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from . import dtypes

ACCELERATED = ("cuda", "xla", "tpu", "mps")  # device types whose tensors follow the list of cuda

_MSG_BANNED = (
    "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\n"
    "Many models use a sigmoid layer right before the binary cross entropy layer.\n"
    "In this case, combine the two layers using torch.nn.functional.binary_cross_entropy_with_logits\n"
    "or torch.nn.BCEWithLogitsLoss.  binary_cross_entropy_with_logits and BCEWithLogits are\n"
    "safe to autocast."
)

Cast = Callable[[Any, tuple[Any, ...], Any], tuple[Any, ...]]


class Policy(NamedTuple):
    """How an operator is cast.

    Attributes:
        arguments: `(caster, arguments, their names) -> arguments`.
        results: `arguments -> ` for each result whether it is cast to the lower precision (else to float32);
            empty: they are left alone.
    """

    arguments: Cast
    results: Callable[[tuple[Any, ...]], tuple[bool, ...]] = lambda args: ()


def flat(args: Any) -> Iterator[Any]:
    """The arguments, those in lists and tuples one by one."""
    for x in args:
        if x.__class__ is list or x.__class__ is tuple:
            yield from flat(x)
        else:
            yield x


def _given(args: tuple[Any, ...], params: Any, name: str, at: int, default: Any) -> Any:
    """An argument of a composite function, by its name or place; names of those given by place are None."""
    if name in params:
        return args[params.index(name)]
    return args[at] if at < len(args) and params[at] is None else default


# ---- policies --------------------------------------------------------------------------------------------


def _lower(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    return caster.to(args, caster.low)


def _single(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    return caster.to(args, dtypes.float32)


def _result(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    at = params.index("dtype")
    if args[at] is not None or not caster.takes(args[0]):
        return args
    return (*args[:at], dtypes.float32, *args[at + 1 :])


def _widest(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    want = caster.low
    for x in flat(args):
        if caster.takes(x):
            if x.dtype is dtypes.float32:
                want = dtypes.float32
            elif want is not dtypes.float32 and x.dtype is not want:
                raise RuntimeError("Unexpected floating ScalarType in at::autocast::prioritize")
    return caster.to(args, want)


def _banned(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    raise RuntimeError(_MSG_BANNED)


LOWER = Policy(_lower)
SINGLE = Policy(_single)
RESULT = Policy(_result)  # with `dtype=torch.float32`, unless the user gave one
WIDEST = Policy(_widest)  # in float32 if an argument is, else in the lower precision
BANNED = Policy(_banned)
ATTENTION = Policy(_lower, lambda args: (True, False))  # the weights are a softmax


# ---- composites whose parts decide -----------------------------------------------------------------------


def _padding(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """Reflection of one or two dimensions and replication are on the list."""
    mode, sizes = _given(args, params, "mode", 2, "constant"), _given(args, params, "pad", 1, ())
    listed = mode == "replicate" or (mode == "reflect" and len(sizes) <= 4)
    return _single(caster, args, params) if listed else args


def _resizing(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """Every mode but "area", which is a mean, is on the list."""
    return args if _given(args, params, "mode", 3, "nearest") == "area" else _single(caster, args, params)


def _areas(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """Of all modes the mean over volumes is on the list."""
    listed = _given(args, params, "mode", 3, "nearest") == "area" and args[0].ndim == 5
    return _single(caster, args, params) if listed else args


def _kept(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    return args


def _contraction(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """`einsum` is a product of matrices where operands share a label that the result lacks."""
    equation = args[1].replace(" ", "")
    left, arrow, out = equation.partition("->")
    terms = left.split(",")
    shared = {c for c in left if c.isalpha() and sum(c in t for t in terms) > 1}
    return _lower(caster, args, params) if arrow and shared - set(out) or not arrow and shared else args


def _neighbours(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """Of images it is a mean over volumes, which is on the list."""
    return _single(caster, args, params) if args[0].ndim > 3 else args


def _alike(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """Products that compare dtypes before they multiply; of one operand there is none."""
    found = [x.dtype for x in flat(args) if hasattr(x, "ndim")]
    return _lower(caster, args, params) if len(found) > 1 and len(set(found)) == 1 else args


def _dots(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """A product of vectors, or with a number, is none of matrices."""
    ranks = [x.ndim for x in args[:2]]
    return args if max(ranks) < 2 or min(ranks) < 1 else _lower(caster, args, params)


def _tensordot(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """Over all dimensions of both it is a product of vectors."""
    dims = _given(args, params, "dims", 2, 2)
    count = len(dims[0]) if dims.__class__ in (list, tuple) and hasattr(dims[0], "__len__") else dims
    whole = args[0].ndim == args[1].ndim == count
    return args if whole else _alike(caster, args, params)


def _power(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """The matrix itself and the identity are no products; an inverse comes first, in float32."""
    if args[1] in (0, 1):
        return args
    return _lower(caster, args, params) if args[1] > 0 else _single(caster, args, params)


def _powers(args: tuple[Any, ...]) -> tuple[bool, ...]:
    return () if args[1] in (-1, 0, 1) else (True,)


def _state(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """Gates are products, but the state they are mixed with keeps its precision."""
    state = next((x for x in flat(args[1:2]) if caster.takes(x)), None)
    wide = state is not None and state.dtype is dtypes.float32
    return _single(caster, args, params) if wide else _lower(caster, args, params)


def _inverse(caster: Any, args: tuple[Any, ...], params: Any) -> tuple[Any, ...]:
    """A number divided by a tensor is its reciprocal, which is on the list."""
    return args if hasattr(args[0], "dtype") else _single(caster, args, params)


# ---- lists -----------------------------------------------------------------------------------------------


def _table(lists: list[tuple[Policy, str]]) -> dict[str, Policy]:
    return {name: policy for policy, names in lists for name in names.split()}


_PRODUCTS = """
    conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d prelu linear matmul mm bmm
    addmm addbmm baddbmm linalg_vecdot nn.functional.scaled_dot_product_attention
    rnn_tanh_cell rnn_relu_cell torch.lstm torch.rnn_tanh torch.rnn_relu
"""
_LOSSES = """
    binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy hinge_embedding_loss huber_loss kl_div l1_loss
    margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss
    soft_margin_loss triplet_margin_loss
"""

_CPU = _table(
    [
        (LOWER, _PRODUCTS + "nn.functional.multi_head_attention_forward"),
        (Policy(_contraction), "einsum"),
        (Policy(_alike), "linalg_multi_dot torch.chain_matmul"),
        (Policy(_dots), "inner"),
        (Policy(_tensordot), "torch.tensordot"),
        (Policy(_power, _powers), "linalg_matrix_power"),
        (Policy(_state), "lstm_cell gru_cell torch.gru"),
        (Policy(_kept, lambda args: (True,)), "cov corrcoef linalg_pinv"),
        (SINGLE, _LOSSES + "binary_cross_entropy nn.functional.ctc_loss"),
        (
            SINGLE,
            """cholesky cholesky_inverse cholesky_solve geqrf linalg_cholesky linalg_cholesky_ex linalg_eig linalg_eigh
            linalg_eigvals linalg_eigvalsh linalg_householder_product linalg_inv linalg_inv_ex linalg_matrix_rank
            linalg_qr linalg_solve linalg_svd linalg_svdvals linalg_tensorinv linalg_tensorsolve lu_solve ormqr qr svd
            trace triangular_solve cdist linalg.cond linalg.lstsq torch.lu torch.pinverse""",
        ),
        (
            SINGLE,
            """fft_fft fft_fft2 fft_fftn fft_hfft fft_ifft fft_ifft2 fft_ifftn fft_ihfft fft_irfft fft_irfft2 fft_irfftn
            fft_rfft fft_rfft2 fft_rfftn torch.stft torch.polar torch.view_as_complex""",
        ),
        (
            SINGLE,
            """avg_pool3d max_pool3d nn.functional.adaptive_avg_pool3d nn.functional.adaptive_max_pool3d
            nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d nn.functional.max_unpool1d
            nn.functional.max_unpool2d nn.functional.max_unpool3d torch.grid_sampler torch.grid_sampler_2d
            torch.grid_sampler_3d nn.functional.grid_sample""",
        ),
        (SINGLE, "prod torch.quantile torch.nanquantile torch.fake_quantize_per_tensor_affine"),
        (Policy(_padding), "nn.functional.pad"),
        (Policy(_areas), "nn.functional.interpolate"),
        (Policy(_neighbours), "local_response_norm"),
        (WIDEST, "cat stack index_copy"),
    ]
)

_CUDA = _table(
    [
        (
            LOWER,
            _PRODUCTS
            + "addmv addr mv einsum linalg_multi_dot torch.chain_matmul lstm_cell gru_cell torch.gru",
        ),
        (ATTENTION, "nn.functional.multi_head_attention_forward"),
        (Policy(_power, _powers), "linalg_matrix_power"),
        (SINGLE, _LOSSES + "gaussian_nll_loss multilabel_soft_margin_loss"),
        (BANNED, "binary_cross_entropy"),
        (
            SINGLE,
            "acos asin cosh erfinv exp expm1 log log10 log1p log2 reciprocal rsqrt sinh square tan pow softplus",
        ),
        (Policy(_inverse), "div"),
        (
            SINGLE,
            """layer_norm rms_norm group_norm local_response_norm nn.functional.normalize cosine_similarity
            pairwise_distance dist pdist cdist renorm logsumexp torch.trapezoid torch.trapz
            torch.cumulative_trapezoid""",
        ),
        (Policy(_resizing), "nn.functional.interpolate"),
        (RESULT, "prod softmax log_softmax cumprod cumsum sum linalg_vector_norm linalg_matrix_norm"),
        (
            WIDEST,
            """addcdiv addcmul atan2 bilinear dot vdot inner torch.cross torch.tensordot torch.grid_sampler
            torch.index_put torch.scatter_add nn.functional.grid_sample""",
        ),
    ]
)

LISTS = {"cpu": _CPU, **dict.fromkeys(ACCELERATED, _CUDA)}
