"""Which dtype an `out=` tensor may have: most results are cast to it, those named here are not."""

from __future__ import annotations

from typing import Any

from .dtypes import BOOL, C_NAMES, SCALAR_NAMES, can_cast, dtype

_ANY = frozenset(("sum", "prod", "cumsum", "cumprod"))  # computed in the dtype of `out`
_EXACT = "Expected out tensor to have dtype {want_c}, but got {got_c} instead"
_FOUND = "Found dtype {got} but expected {want}"
_SAME_DTYPE = "{name}(): self and result must have the same scalar type"
_EXTREME = "Expected the dtype for input and out to match, but got {want} for input's dtype and {got} for out's dtype."
_SCALAR_TYPE = "expected scalar_type {want} but found {got}"
_TENSORDOT = (
    "tensordot: Expected the output tensor to have dtype {want}, but got an output tensor with dtype {got}"
)
_FACTORS = "self and mat2 must have the same dtype, but got {got} and {want}"
_TEXTS = {
    _EXACT: (
        "softmax log_softmax aminmax max min argmax argmin norm topk sort msort mm bmm matmul addmm addmv baddbmm gather "
        "scatter scatter_add scatter_reduce index_add index_copy tril triu diag renorm take_along_dim isin"
    ),
    _FOUND: "abs neg clamp clamp_min clamp_max round floor ceil trunc sgn sign frac",
    _EXTREME: "amax amin",
    _SAME_DTYPE: "index_select masked_select",
    _SCALAR_TYPE: "cummax cummin logcumsumexp",
    _TENSORDOT: "inner tensordot",
    _FACTORS: "addbmm",
    "expected scalar type '{want}' but got '{got}' for values output": "mode",
    "output values must be of same type as input": "kthvalue",
    "quantile() out tensor must be same dtype as the input tensor": "quantile nanquantile",
    "addmv input tensors must have the same dtype, but got {got}, {want}, and {want}": "mv",
    "result dtype {got} does not match input dtype {want}": "dot vdot",
    "linalg.norm expected out tensor dtype {want} but got: {got}": "linalg_norm",
    "take(): self and out expected to have the same dtype, but got self.dtype = {want} and out.dtype = {got}": "take",
    "torch.histogram: input tensor and hist tensor should have the same dtype, but got input {want_c} and hist {got_c}": (
        "histc"
    ),
    "nan_to_num: dtype of out: {got} should be same as input: {want}": "nan_to_num",
    "torch.frexp() expects mantissa to have dtype {want_c} but got {got_c}": "frexp",
    "heaviside is not yet implemented for tensors with different dtypes.": "heaviside",
    "{name} does not support non-boolean outputs.": "isposinf isneginf",
    "Expected out type to be {want} but got {got}": "where",
}
_BY_NAME = {name: text for text, names in _TEXTS.items() for name in names.split()}
_BY_NAME["nonzero"] = "nonzero: Expected out tensor to have scalar type {want} but got scalar type{got}"


def out_error(name: str, want: dtype, got: dtype) -> Exception | None:
    """The error of writing a result of dtype `want` of the operator `name` to an `out` of dtype `got`, if it is one."""
    if want is got or name in _ANY:
        return None
    text = _BY_NAME.get(name) or (_EXACT if name.startswith("linalg_") else None)
    if name in ("all", "any") and got.category != BOOL:
        text = "{name} only supports bool tensor for result, got: {got}"
    words: dict[str, Any] = {
        "name": name, "want": SCALAR_NAMES[want.name], "got": SCALAR_NAMES[got.name],
        "want_c": C_NAMES[want.name], "got_c": C_NAMES[got.name],
    }  # fmt: skip
    if text is not None:
        return RuntimeError(text.format(**words))
    if can_cast(want, got):
        return None
    if name in ("cat", "stack", "hstack", "vstack", "dstack", "concat", "column_stack"):
        return TypeError(f"torch.cat(): input types can't be cast to the desired output type {words['got']}")
    return RuntimeError("result type {want} can't be cast to the desired output type {got}".format(**words))
