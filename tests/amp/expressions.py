"""Operators under autocast as expressions over a few tensors, and what PyTorch answers for cuda.

`python tests/amp/expressions.py` (with PyTorch; no accelerator is needed) writes `cuda_results.json`: the dtypes
that PyTorch's own autocast kernels for cuda give tensors without data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("cuda_results.json")
LOWER = ("bfloat16", "float16")

# name: (shape, in the lower precision?); values are in (0, 1), a tenth of them apart
TENSORS = {
    "a": ((3, 4), False), "b": ((3, 4), False), "h": ((3, 4), True), "k": ((3, 4), True), "s": ((3, 3), False),
    "q": ((3, 3), True), "v": ((4,), False), "u": ((4,), True), "t": ((3,), False), "one": ((1,), False),
    "a3": ((2, 3, 4), False), "b3": ((2, 4, 3), False), "h3": ((2, 3, 4), True), "w3": ((2, 3, 1), False),
    "w4": ((2, 1, 2, 2), False), "x4": ((1, 1, 4, 4), False), "h4": ((1, 1, 4, 4), True), "g4": ((1, 2, 2, 2), False),
    "h5": ((1, 1, 4, 4, 4), True), "w5": ((2, 1, 2, 2, 2), False), "x5": ((1, 1, 4, 4, 4), False),
    "w12": ((12, 4), False), "w44": ((4, 4), False), "v12": ((12,), False), "w34": ((2, 4, 4), False),
    "c12": ((12, 3), False), "c9": ((9, 3), False), "c3": ((3, 3), False), "in12": ((12, 4), False),
    "in9": ((9, 4), False), "long": ((64,), True), "logits": ((5, 1, 4), True),
}  # fmt: skip
INTEGERS = {
    "target": [1, 2, 3],
    "zero": [0],
    "labels": [[1, 2]],
    "five": [5],
    "two": [2],
    "spots": [[0, 0, 0, 0]],
}

EXPRESSIONS = """
a @ b.T | h @ b.T | a.matmul(b.T) | a @ v | v @ v | a.double() @ b.T.double() | torch.mm(a, b.T) | torch.bmm(a3, b3)
torch.mv(a, v) | torch.dot(v, v) | torch.dot(u, v) | torch.vdot(v, v) | torch.addmm(s, a, b.T) | torch.addmm(q, h, b.T)
torch.addbmm(s, a3, b3) | torch.baddbmm(s, a3, b3) | torch.addmv(t, a, v) | torch.addr(a, t, v) | torch.outer(t, v)
torch.einsum("ij,kj->ik", a, b) | torch.einsum("ij,kj", a, b) | torch.einsum("ij->ji", a) | torch.einsum("i,j->ij", t, v)
torch.einsum("ij,ij->ij", a, b) | torch.einsum("ij,ij->", a, b) | torch.einsum("ij,kj,kl->il", a, b, h)
torch.tensordot(a, b.T, 1) | torch.tensordot(a, b, 2) | torch.tensordot(a, b, ([0, 1], [0, 1])) | torch.tensordot(v, v, 1)
torch.inner(a, b) | torch.inner(v, v) | torch.inner(a, v) | torch.kron(a, b) | torch.chain_matmul(a, b.T)
torch.linalg.multi_dot([a, b.T]) | torch.linalg.multi_dot([a, b.T, a]) | torch.linalg.vecdot(a, b)
torch.linalg.matrix_power(s, 0) | torch.linalg.matrix_power(s, 1) | torch.linalg.matrix_power(s, 2)
torch.linalg.matrix_power(s, 3) | torch.cdist(a, b) | torch.cdist(h, k)
F.linear(a, w44) | F.linear(h, w44, v) | F.linear(a.double(), w44.double()) | F.bilinear(a, b, w34) | F.bilinear(h, b, w34)
F.conv1d(a, w3) | F.conv1d(a, w3, padding="same") | F.conv2d(x4, w4) | F.conv2d(h4, w4, v[:2]) | F.conv3d(x5, w5)
F.conv_transpose1d(a, w3.transpose(0, 1)) | F.conv_transpose2d(x4, w4[:1]) | F.conv_transpose3d(x5, w5[:1])
F.prelu(a, one) | F.prelu(h, one) | torch.prelu(h, one)
F.scaled_dot_product_attention(a3, a3, a3) | F.scaled_dot_product_attention(h3, a3, a3)
F.scaled_dot_product_attention(a3, a3, a3, attn_mask=s)
F.multi_head_attention_forward(a3, a3, a3, 4, 2, w12, v12, None, None, False, 0.0, w44, v)[0]
F.multi_head_attention_forward(a3, a3, a3, 4, 2, w12, v12, None, None, False, 0.0, w44, v)[1]
torch.lstm_cell(a, (s, s), in12, c12)[0] | torch.lstm_cell(h, (q, q), in12, c12)[1] | torch.gru_cell(a, s, in9, c9)
torch.gru_cell(h, q, in9, c9) | torch.rnn_tanh_cell(a, s, b, c3) | torch.rnn_relu_cell(a, s, b, c3)
F.cross_entropy(h, target) | F.cross_entropy(h, target, v) | F.cross_entropy(h, target, label_smoothing=0.1)
F.nll_loss(h, target) | F.binary_cross_entropy_with_logits(h, b) | F.binary_cross_entropy(h, k) | F.binary_cross_entropy(a, b)
F.mse_loss(h, b) | F.mse_loss(h, k) | F.l1_loss(h, k) | F.smooth_l1_loss(h, k) | F.huber_loss(h, k) | F.kl_div(h, k)
F.poisson_nll_loss(h, k) | F.gaussian_nll_loss(h, k, k) | F.hinge_embedding_loss(h, k) | F.soft_margin_loss(h, k)
F.cosine_embedding_loss(h, k, t) | F.margin_ranking_loss(u, u, u) | F.multi_margin_loss(h, target)
F.multilabel_margin_loss(u, target.new_tensor([1, 2, 3, 0])) | F.multilabel_soft_margin_loss(h, b)
F.triplet_margin_loss(h, k, k) | F.triplet_margin_loss(h, k, b)
F.cosine_similarity(h, k) | F.cosine_similarity(h, b) | F.pairwise_distance(h, k) | F.normalize(h) | torch.dist(h, k)
torch.pdist(h) | torch.renorm(h, 2, 0, 1.0) | h.norm() | torch.norm(h) | torch.norm(h, 1, 0) | torch.linalg.norm(h)
torch.linalg.vector_norm(h) | torch.linalg.matrix_norm(a) | torch.logsumexp(h, 0)
h.softmax(0) | F.softmax(h, 0) | F.softmax(h, 0, dtype=torch.float64) | F.log_softmax(h, 0) | F.softmin(h, 0)
torch.special.softmax(h, 0) | torch.softmax(a, 0) | F.softplus(h) | F.gelu(h) | F.relu(h) | F.silu(h) | torch.sigmoid(h)
F.layer_norm(h, (4,)) | F.layer_norm(h, (4,), v, v) | F.group_norm(h4, 1, one, one) | F.rms_norm(h, (4,))
F.local_response_norm(h4, 2) | F.batch_norm(h, v, v, v, v) | F.batch_norm(a, v, v, v, v)
h.exp() | h.expm1() | torch.special.expm1(h) | h.log() | h.log1p() | h.log2() | h.log10() | h.rsqrt() | h.sqrt() | h.reciprocal()
h.cosh() | h.sinh() | h.tanh() | h.tan() | h.sin() | h.acos() | h.asin() | h.atan() | h.erfinv() | h.erf() | h.square()
h ** 2 | h ** k | 2 ** h | h.pow(b) | 2 / h | h / 2 | h * 2 | h + a | h * a | h / a | torch.maximum(h, a) | h == a | h < a
torch.where(h > 0.5, h, a) | torch.lerp(h, k, 0.5) | torch.addcmul(h, h, a) | torch.addcdiv(a, h, k) | torch.atan2(h, a)
torch.atan2(h, k) | torch.cross(q, q, dim=1)
h.sum() | h.sum(0) | h.sum(dtype=torch.float64) | target.sum() | h.mean() | h.std() | h.var() | h.prod() | h.prod(0)
h.cumsum(0) | h.cumprod(0) | h.max() | h.amax(0) | torch.trapezoid(h) | torch.cumulative_trapezoid(h) | torch.trace(q)
torch.cat([h, a]) | torch.cat([h, k]) | torch.cat([h, a.double()]) | torch.stack([h, a]) | torch.hstack([h, a])
torch.cat([h, other]) | torch.atan2(h, other)
a.index_put((zero,), h[:1]) | torch.scatter_add(a, 0, spots, h[:1]) | F.grid_sample(h4, g4, align_corners=False)
F.interpolate(h4, scale_factor=2) | F.interpolate(h4, scale_factor=2, mode="bilinear")
F.interpolate(h4, scale_factor=0.5, mode="area") | F.interpolate(h5, scale_factor=0.5, mode="area")
F.pad(h, (1, 1)) | F.pad(h[None], (1, 1), mode="reflect") | F.pad(h4, (1, 1, 1, 1), mode="reflect")
F.pad(h[None], (1, 1), mode="replicate") | F.pad(h[None], (1, 1), mode="circular")
F.pad(h5, (1, 1, 1, 1, 1, 1), mode="reflect") | F.avg_pool2d(h4, 2) | F.max_pool2d(h4, 2)
F.max_pool3d(h5, 2) | F.adaptive_avg_pool2d(h4, 2) | F.adaptive_avg_pool3d(h5, 2) | F.dropout(h, 0.0) | F.embedding(zero, a)
F.unfold(x4, 2) | torch.float_power(h, 2) | h.clamp(0, 1) | h.abs() | h.to(torch.float32) | a.bfloat16()
"""
# Those which PyTorch does not evaluate without an accelerator, by the lists in its documentation: l in the lower
# precision, otherwise in float32.
DOCUMENTED = {
    "F.conv2d(h4, w4, v[:2])": "l", "F.conv_transpose2d(x4, w4[:1])": "l", "F.conv_transpose3d(x5, w5[:1])": "l",
    "torch.lstm_cell(a, (s, s), in12, c12)[0]": "l", "torch.lstm_cell(h, (q, q), in12, c12)[1]": "l",
    "torch.gru_cell(a, s, in9, c9)": "l", "torch.gru_cell(h, q, in9, c9)": "l",
    "F.multi_head_attention_forward(a3, a3, a3, 4, 2, w12, v12, None, None, False, 0.0, w44, v)[0]": "l",
    "F.multi_head_attention_forward(a3, a3, a3, 4, 2, w12, v12, None, None, False, 0.0, w44, v)[1]": "float32",
    "F.multilabel_margin_loss(u, target.new_tensor([1, 2, 3, 0]))": "float32", "a.index_put((zero,), h[:1])": "float32",
    "F.gaussian_nll_loss(h, k, k)": "float32", "torch.scatter_add(a, 0, spots, h[:1])": "float32", "F.grid_sample(h4, g4, align_corners=False)": "float32",
    'F.pad(h[None], (1, 1), mode="reflect")': "l", 'F.pad(h[None], (1, 1), mode="replicate")': "l",
    'F.pad(h[None], (1, 1), mode="circular")': "l", "F.unfold(x4, 2)": "float32",
    'F.pad(h4, (1, 1, 1, 1), mode="reflect")': "l", 'F.pad(h5, (1, 1, 1, 1, 1, 1), mode="reflect")': "l",
}  # fmt: skip
# What differs by device in PyTorch, or has no form without data; checked on the CPU only.
ON_CPU = """
F.avg_pool3d(h5, 2) | torch.index_copy(a, 0, zero, h[:1]) | torch.cov(a) | torch.cov(v) | torch.corrcoef(a) | torch.linalg.pinv(s) | torch.linalg.inv(q + torch.eye(3)) | torch.quantile(h, 0.5)
torch.linalg.matrix_power(s + torch.eye(3), -1) | torch.linalg.matrix_power(s + torch.eye(3), -2) | torch.inverse(q + torch.eye(3))
torch.linalg.solve(q + torch.eye(3), h) | torch.linalg.det(s) | torch.linalg.cholesky(q @ q.T + torch.eye(3))
torch.linalg.lstsq(h.T, k.T).solution | torch.linalg.svdvals(h) | torch.linalg.matrix_exp(s) | torch.linalg.cond(q + torch.eye(3))
torch.view_as_complex(h[:, :2]) | torch.polar(h, k) | torch.fft.fft(h) | torch.fft.rfft(h) | torch.nanquantile(h, 0.5)
torch.stft(long, 16, window=torch.ones(16), return_complex=True)
F.ctc_loss(logits.log_softmax(2), labels, five, two) | F.max_pool3d(h5, 2, return_indices=True)[0]
F.max_unpool1d(*F.max_pool1d(h[None], 2, return_indices=True), 2) | torch.fake_quantize_per_tensor_affine(h, 0.1, 0, 0, 255)
torch.mm(a, b.T, out=torch.empty(3, 3)) | torch.matmul(a, b.T, out=torch.empty(3, 3)) | torch.zeros(3, 3).addmm_(a, b.T)
F.max_unpool2d(*F.max_pool2d(h4, 2, return_indices=True), 2)
torch.lu(q + torch.eye(3))[0] | torch.linalg.lu_solve(*torch.linalg.lu_factor(s + torch.eye(3)), s)
torch.nn.LSTM(4, 3)(a3)[0] | torch.nn.GRU(4, 3)(a3)[0] | torch.nn.GRU(4, 3)(h3)[0] | torch.nn.RNN(4, 3)(a3)[0] | torch.nn.LSTMCell(4, 3)(a)[0]
torch.nn.GRUCell(4, 3)(a) | torch.nn.RNNCell(4, 3)(a) | torch.nn.Conv2d(1, 2, 2)(x4) | torch.nn.Linear(4, 2)(a)
torch.nn.TransformerEncoderLayer(4, 2, 8)(a3) | torch.nn.MultiheadAttention(4, 2)(a3, a3, a3)[1] | torch.nn.PReLU()(a)
torch.nn.BatchNorm1d(4)(h) | torch.nn.BatchNorm2d(1)(h4) | torch.nn.InstanceNorm1d(3, affine=True)(h[None])
torch.nn.Bilinear(4, 4, 2)(a, b) | torch.nn.BCELoss()(h, k) | torch.nn.CrossEntropyLoss()(h, target)
"""


def listed(text: str) -> list[str]:
    """The expressions of a table."""
    return [e.strip() for line in text.splitlines() for e in line.split("|") if e.strip()]


def tensors(lib: Any, lower: str) -> dict[str, Any]:
    """The tensors by name, equal in every library."""
    made: dict[str, Any] = {}
    low = getattr(lib, lower)
    for i, (name, (shape, is_low)) in enumerate(TENSORS.items()):
        size = 1
        for n in shape:
            size *= n
        values = [((7 * j + 3 * i) % 11 + 0.5) / 12 for j in range(size)]
        t = lib.tensor(values, dtype=lib.float32).reshape(shape)
        made[name] = t.to(low) if is_low else t
    made["other"] = made["a"].to(getattr(lib, LOWER[lower == LOWER[0]]))  # a third precision
    return made | {name: lib.tensor(values) for name, values in INTEGERS.items()}


def outcome(lib: Any, expression: str, names: dict[str, Any]) -> Any:
    """The value of an expression, or its error in short."""
    try:
        return eval(expression, {"torch": lib, "F": lib.nn.functional, **names})  # noqa: S307 - our own text
    except Exception as e:
        return f"{type(e).__name__}: {str(e).splitlines()[0]}"


def dtype_of(result: Any) -> str:
    """A result's dtype by name; an error as it is."""
    return result if isinstance(result, str) else str(result.dtype).partition(".")[2]


def record() -> None:
    """Writes `cuda_results.json`."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    cuda = torch.device("cuda:0")
    found: dict[str, dict[str, str]] = {}
    for lower in LOWER:
        names = {k: FakeTensor(mode, t.to("meta"), cuda) for k, t in tensors(torch, lower).items()}
        torch.set_autocast_dtype("cuda", getattr(torch, lower))
        torch.set_autocast_enabled("cuda", True)
        try:
            with mode:
                found[lower] = {
                    e: dtype_of(outcome(torch, e, names)) for e in listed(EXPRESSIONS) if e not in DOCUMENTED
                }
        finally:
            torch.set_autocast_enabled("cuda", False)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
