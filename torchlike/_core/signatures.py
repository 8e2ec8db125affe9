"""The signatures of operators that have several, or whose Python form says less than PyTorch's.

Needed where arguments fit none of them (`misuse.py`). A method has the signatures of its function without
the first parameter and `out`; only what differs has an entry of its own (`"Tensor.max"`).
`ints` takes an int too; `tuple of ints` does not. A leading `~` marks a deprecated form that PyTorch does not show.
"""

from __future__ import annotations

_SHORT = {
    "<out>": "Tensor out = None",
    "<outs>": "tuple of Tensors out = None",
    "<generator>": "torch.Generator generator = None",
    "<dtype>": "torch.dtype dtype = None",
    "<format>": "torch.memory_format memory_format = None",
    "<new>": (
        "torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, "
        "bool requires_grad = False"
    ),
}


def expanded(text: str) -> str:
    """A signature with its abbreviations written out, the mark of a deprecated one left off."""
    for short, full in _SHORT.items():
        text = text.replace(short, full)
    return text.removeprefix("~")


_PAIR = ("Tensor input, Tensor other, *, <out>", "Tensor input, Number other, *, <out>")
_BITS = (_PAIR[0], "Number self, Tensor other", _PAIR[1])
_POWER = (
    "Tensor input, Tensor exponent, *, <out>", "Number self, Tensor exponent, *, <out>",
    "Tensor input, Number exponent, *, <out>",
)  # fmt: skip
_QUOTIENT = (
    "Tensor input, Operand other, *, <out>", "Tensor input, Operand other, *, str rounding_mode, <out>",
    "Tensor input, Number other, *, str rounding_mode",
)  # fmt: skip
_SUM = (
    "Tensor input, Operand other, *, Number alpha = 1, <out>",
    "~Tensor input, Number alpha, Tensor other",
)
_ANY = (
    "Tensor input, *, <out>", "Tensor input, tuple of ints dim = None, bool keepdim = False, *, <out>",
    "Tensor input, int dim, bool keepdim = False, *, <out>",
)  # fmt: skip
_EXTREME = (
    "Tensor input, *, <out>", "Tensor input, Tensor other, *, <out>",
    "Tensor input, int dim, bool keepdim = False, *, <outs>",
)  # fmt: skip
_MEDIAN = ("Tensor input", "Tensor input, int dim, bool keepdim = False, *, <outs>")
_SPREAD = (
    "Tensor input, ints dim, bool unbiased = True, bool keepdim = False, *, <out>",
    "Tensor input, ints dim = None, *, Number correction = None, bool keepdim = False, <out>",
    "Tensor input, bool unbiased = True",
)
_MOVE = (
    "Tensor input, int source, int destination", "Tensor input, tuple of ints source, tuple of ints destination",
)  # fmt: skip
_SPLIT = ("Tensor input, int sections", "Tensor input, tuple of ints indices")
_QUANTILE = tuple(
    f'Tensor input, {q} q, int dim = None, bool keepdim = False, *, str interpolation = "linear", <out>'
    for q in ("Tensor", "float")
)
_CLAMP = (
    "Tensor input, Tensor min = None, Tensor max = None, *, <out>",
    "Tensor input, Number min = None, Number max = None, *, <out>",
)
_CONV = (
    "Tensor input, Tensor weight, Tensor bias = None, ints stride = 1, ints padding = 0, ints dilation = 1, int groups = 1",
    'Tensor input, Tensor weight, Tensor bias = None, ints stride = 1, str padding = "valid", ints dilation = 1, '
    "int groups = 1",
)
_SIZED = (
    "tuple of ints size, *, torch.Generator generator, <out>, <new>",
    "tuple of ints size, *, <out>, <new>",
)
_LIKE = ("Tensor input, *, torch.Generator generator, <format>, <new>", "Tensor input, *, <format>, <new>")
_TRAPEZOID = ("Tensor y, Tensor x, *, int dim = -1", "Tensor y, *, Number dx = 1, int dim = -1")
_WINDOW = ("int window_length, *, <new>", "int window_length, bool periodic, *, <new>")
_GRID = tuple(
    f"{a} start, {b} end, int steps, {{}}*, <out>, <new>"
    for b in ("Tensor", "Number")
    for a in ("Tensor", "Number")
)
_FILLED = ("Tensor input, Tensor value", "Tensor input, Number value")
_SCATTERED = tuple(
    f"Tensor input, int dim, Tensor index, {kind}, *, {reduce}<out>"
    for kind in ("Tensor src", "Number value")
    for reduce in ("", "str reduce, ")
)
_HIGH = ("int high, tuple of ints size", "int low, int high, tuple of ints size")
_HIGH_LIKE = ("int low, int high", "Tensor high", "int high")


def _matrix(mats: str, scaled: bool) -> tuple[str, ...]:
    rest = "*, Number beta = 1, Number alpha = 1, <out>" if scaled else "*, <out>"
    return (f"Tensor input, {mats}, {rest}", f"Tensor input, {mats}, torch.dtype out_dtype, {rest}")


def _blend(others: str, scales: str = "Number beta = 1, Number alpha = 1") -> tuple[str, ...]:
    """`addmv` and its kin, whose scale once stood in front."""
    first = scales.partition(" = ")[0]
    return (f"Tensor input, {others}, *, {scales}, <out>", f"~{first}, Tensor input, {others}")


def _method(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The signatures as a method's."""
    return tuple([t.replace("Tensor input, ", "").replace(", <out>", "") for t in texts])


OVERLOADS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("eq", "ne", "lt", "le", "gt", "ge", "not_equal", "less", "less_equal", "greater", "greater_equal", "copysign",
         "fmod"), _PAIR,
    ),
    **dict.fromkeys(
        ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "remainder", "xlogy"),
        _BITS,
    ),
    **dict.fromkeys(("pow", "float_power"), _POWER),
    "add": _SUM,
    "sub": _SUM,
    "subtract": (_SUM[0], "Tensor input, Number other, Number alpha = 1"),
    "rsub": ("Tensor input, Tensor other, *, Number alpha = 1", "Tensor input, Number other, Number alpha = 1"),
    "div": _QUOTIENT,
    "divide": (_QUOTIENT[0], _QUOTIENT[1], "Tensor input, Number other", _QUOTIENT[2]),
    "mul": ("Tensor input, Operand other, *, <out>",),
    **dict.fromkeys(("true_divide", "floor_divide", "multiply"), (_PAIR[0], "Tensor input, Number other")),
    "addmm": _matrix("Tensor mat1, Tensor mat2", True),
    "baddbmm": _matrix("Tensor batch1, Tensor batch2", True),
    "mm": _matrix("Tensor mat2", False),
    "bmm": _matrix("Tensor mat2", False),
    "Tensor.mm": ("Tensor mat2",),
    "Tensor.bmm": ("Tensor mat2",),
    "Tensor.addmm": _method(_blend("Tensor mat1, Tensor mat2")),
    "Tensor.baddbmm": _method(_blend("Tensor batch1, Tensor batch2")),
    "addmv": _blend("Tensor mat, Tensor vec"),
    "addr": _blend("Tensor vec1, Tensor vec2"),
    "addbmm": _blend("Tensor batch1, Tensor batch2"),
    "addcmul": _blend("Tensor tensor1, Tensor tensor2", "Number value = 1"),
    "addcdiv": _blend("Tensor tensor1, Tensor tensor2", "Number value = 1"),
    "all": _ANY,
    "any": _ANY,
    "max": _EXTREME,
    "min": _EXTREME,
    "median": _MEDIAN,
    "nanmedian": _MEDIAN,
    **dict.fromkeys(("std", "var", "std_mean", "var_mean"), _SPREAD),
    "sum": (
        "Tensor input, *, <dtype>", "Tensor input, ints? dim, bool keepdim = False, *, <dtype>, <out>",
    ),
    "mean": (
        "Tensor input, *, <dtype>, <out>", "Tensor input, ints? dim, bool keepdim = False, *, <dtype>, <out>",
    ),
    "prod": ("Tensor input, *, <dtype>", "Tensor input, int dim, bool keepdim = False, *, <dtype>, <out>"),
    "cumsum": ("Tensor input, int dim, *, <dtype>, <out>",),
    "cumprod": ("Tensor input, int dim, *, <dtype>, <out>",),
    "count_nonzero": ("Tensor input, int dim = None", "Tensor input, tuple of ints dim"),
    "clamp": _CLAMP,
    "clip": _CLAMP,
    "clamp_min": ("Tensor input, Tensor min, *, <out>", "Tensor input, Number min, *, <out>"),
    "clamp_max": ("Tensor input, Tensor max, *, <out>", "Tensor input, Number max, *, <out>"),
    "as_strided": ("Tensor input, tuple of ints size, tuple of ints stride, int storage_offset = None",),
    "diagonal_scatter": ("Tensor input, Tensor src, int offset = 0, int dim1 = 0, int dim2 = 1",),
    "select_scatter": ("Tensor input, Tensor src, int dim, int index",),
    "slice_scatter": ("Tensor input, Tensor src, int dim = 0, int start = None, int end = None, int step = 1",),
    "as_strided_scatter": (
        "Tensor input, Tensor src, tuple of ints size, tuple of ints stride, int storage_offset = None",
    ),
    "split_with_sizes": ("Tensor input, tuple of ints split_sizes, int dim = 0",),
    "lerp": ("Tensor input, Tensor end, Tensor weight, *, <out>", "Tensor input, Tensor end, Number weight, *, <out>"),
    "round": ("Tensor input, *, <out>", "Tensor input, *, int decimals, <out>"),
    "quantile": _QUANTILE,
    "nanquantile": _QUANTILE,
    "softmax": ("Tensor input, int dim, torch.dtype dtype = None, *, <out>",),
    "log_softmax": ("Tensor input, int dim, torch.dtype dtype = None, *, <out>",),
    # shapes
    "Tensor.view": ("torch.dtype dtype", "tuple of ints size"),
    "reshape": ("Tensor input, tuple of ints shape",),
    "permute": ("Tensor input, tuple of ints dims",),
    "transpose": ("Tensor input, int dim0, int dim1",),
    "swapaxes": ("Tensor input, int axis0, int axis1",),
    "swapdims": ("Tensor input, int dim0, int dim1",),
    "Tensor.expand": ("tuple of ints size, *, bool implicit = False",),
    "Tensor.repeat": ("tuple of ints repeats",),
    "tile": ("Tensor input, tuple of ints dims",),
    "flip": ("Tensor input, tuple of ints dims",),
    "roll": ("Tensor input, ints shifts, ints dims = ()",),
    "squeeze": ("Tensor input", "Tensor input, int dim", "Tensor input, tuple of ints dim"),
    "unsqueeze": ("Tensor input, int dim",),
    "select": ("Tensor input, int dim, int index",),
    "narrow": ("Tensor input, int dim, Tensor start, int length", "Tensor input, int dim, int start, int length"),
    "movedim": _MOVE,
    "moveaxis": _MOVE,
    **dict.fromkeys(("hsplit", "vsplit", "dsplit"), _SPLIT),
    "tensor_split": (
        "Tensor input, tuple of ints indices, int dim = 0", "Tensor input, Tensor tensor_indices_or_sections, int dim = 0",
        "Tensor input, int sections, int dim = 0",
    ),
    "chunk": ("Tensor input, int chunks, int dim = 0",),
    "alias_copy": ("Tensor input, *, <out>",),
    "detach_copy": ("Tensor input, *, <out>",),
    "as_strided_copy": (
        "Tensor input, tuple of ints size, tuple of ints stride, int storage_offset = None, *, <out>",
    ),
    "expand_copy": ("Tensor input, tuple of ints size, *, bool implicit = False, <out>",),
    "permute_copy": ("Tensor input, tuple of ints dims, *, <out>",),
    "slice_copy": ("Tensor input, int dim = 0, int start = None, int end = None, int step = 1, *, <out>",),
    "split_copy": ("Tensor input, int split_size, int dim = 0, *, <outs>",),
    "split_with_sizes_copy": ("Tensor input, tuple of ints split_sizes, int dim = 0, *, <outs>",),
    "unbind_copy": ("Tensor input, int dim = 0, *, <outs>",),
    "squeeze_copy": (
        "Tensor input, *, <out>", "Tensor input, int dim, *, <out>", "Tensor input, tuple of ints dim, *, <out>",
    ),
    "view_copy": ("Tensor input, torch.dtype dtype, *, <out>", "Tensor input, tuple of ints size, *, <out>"),
    "nonzero_static": ("Tensor input, *, int size, int fill_value = -1, <out>",),
    "fake_quantize_per_tensor_affine": (
        "Tensor input, Tensor scale, Tensor zero_point, int quant_min, int quant_max",
        "Tensor input, float scale, int zero_point, int quant_min, int quant_max",
    ),
    "segment_reduce": (
        "Tensor data, str reduce, *, Tensor lengths = None, Tensor indices = None, Tensor offsets = None, int axis = 0, "
        "bool unsafe = False, Number initial = None",
    ),
    "unsafe_split": ("Tensor input, int split_size, int dim = 0",),
    "unsafe_split_with_sizes": ("Tensor input, tuple of ints split_sizes, int dim = 0",),
    "unbind": ("Tensor input, int dim = 0",),
    "cat": ("tuple of Tensors tensors, int dim = 0, *, <out>",),
    "stack": ("tuple of Tensors tensors, int dim = 0, *, <out>",),
    **dict.fromkeys(("hstack", "vstack", "dstack", "row_stack", "column_stack"), ("tuple of Tensors tensors, *, <out>",)),
    "sort": (
        "Tensor input, *, bool stable, int dim = -1, bool descending = False, <outs>",
        "Tensor input, int dim = -1, bool descending = False, *, <outs>",
    ),
    "argsort": (
        "Tensor input, *, bool stable, int dim = -1, bool descending = False, <out>",
        "Tensor input, int dim = -1, bool descending = False",
    ),
    "topk": ("Tensor input, int k, int dim = -1, bool largest = True, bool sorted = True, *, <outs>",),
    "trapezoid": _TRAPEZOID,
    "cumulative_trapezoid": _TRAPEZOID,
    "trapz": ("Tensor y, *, float dx = 1, int dim = -1", "Tensor y, Tensor x, *, int dim = -1"),
    # indexing
    "gather": ("Tensor input, int dim, Tensor index, *, bool sparse_grad = False, <out>",),
    "index_select": ("Tensor input, int dim, Tensor index, *, <out>",),
    "index_fill": ("Tensor input, int dim, Tensor index, Tensor value", "Tensor input, int dim, Tensor index, Number value"),
    "masked_fill": ("Tensor input, Tensor mask, Tensor value", "Tensor input, Tensor mask, Number value"),
    "masked_select": ("Tensor input, Tensor mask, *, <out>",),
    "scatter": _SCATTERED,
    "scatter_add": ("Tensor input, int dim, Tensor index, Tensor src, *, <out>",),
    "nonzero": ("Tensor input, *, <out>", "Tensor input, *, bool as_tuple"),
    "where": (
        "Tensor condition", "Tensor condition, Tensor input, Tensor other, *, <out>",
        "Tensor condition, Number self, Tensor other", "Tensor condition, Tensor input, Number other",
        "Tensor condition, Number self, Number other",
    ),
    "Tensor.where": ("Tensor condition, Tensor other", "Tensor condition, Number other"),
    "fill": _FILLED,
    "Tensor.fill_": ("Tensor value", "Number value"),
    "Tensor.copy_": ("Operand other, bool non_blocking = False", "~Operand other, bool async"),
    "repeat_interleave": (
        "Tensor input, Tensor repeats, int dim = None, *, int output_size = None",
        "Tensor repeats, *, int output_size = None",
        "Tensor input, int repeats, int dim = None, *, int output_size = None",
    ),
    "Tensor.repeat_interleave": (
        "Tensor repeats, int dim = None, *, int output_size = None",
        "int repeats, int dim = None, *, int output_size = None",
    ),
    "isin": (
        "Tensor elements, Tensor test_elements, *, bool assume_unique = False, bool invert = False, <out>",
        "Number element, Tensor test_elements, *, bool assume_unique = False, bool invert = False, <out>",
        "Tensor elements, Number test_element, *, bool assume_unique = False, bool invert = False, <out>",
    ),
    "bucketize": tuple(
        f"{x}, Tensor boundaries, *, bool out_int32 = False, bool right = False{out}"
        for x, out in (("Tensor input", ", <out>"), ("Number self", ""))
    ),
    "searchsorted": tuple(
        f"Tensor sorted_sequence, {x}, *, bool out_int32 = False, bool right = False, str side = None, "
        "Tensor sorter = None, <out>"
        for x in ("Tensor input", "Number self")
    ),
    # making tensors
    **dict.fromkeys(("zeros", "ones", "empty"), ("tuple of ints size, *, <out>, <new>",)),
    "full": ("tuple of ints size, Number fill_value, *, <out>, <new>",),
    **dict.fromkeys(("zeros_like", "ones_like", "empty_like"), ("Tensor input, *, <format>, <new>",)),
    "full_like": ("Tensor input, Number fill_value, *, <format>, <new>",),
    **dict.fromkeys(("Tensor.new_zeros", "Tensor.new_ones", "Tensor.new_empty"), ("tuple of ints size, *, <new>",)),
    "Tensor.new_full": ("tuple of ints size, Number fill_value, *, <new>",),
    "Tensor.new_tensor": ("object data, *, torch.dtype dtype = None, torch.device device = None, bool requires_grad = False",),
    "eye": ("int n, *, <out>, <new>", "int n, int m, *, <out>, <new>"),
    "arange": (
        "Number end, *, <out>, <new>", "Number start, Number end, *, <new>",
        "Number start, Number end, Number step = 1, *, <out>, <new>",
    ),
    "range": ("Number start, Number end, Number step = 1, *, <out>, <new>",),
    "linspace": tuple(s.format("") for s in _GRID),
    "logspace": tuple(s.format("float base = 10.0, ") for s in _GRID),
    **dict.fromkeys(("bartlett_window", "blackman_window", "hann_window"), _WINDOW),
    "hamming_window": (
        *_WINDOW, "int window_length, bool periodic, float alpha, *, <new>",
        "int window_length, bool periodic, float alpha, float beta, *, <new>",
    ),
    "kaiser_window": (*_WINDOW, "int window_length, bool periodic, float beta, *, <new>"),
    "tensor": ("object data, *, torch.dtype dtype = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False",),
    "frombuffer": ("object buffer, *, torch.dtype dtype, int count = -1, int offset = 0, bool requires_grad = False",),
    # random numbers
    "rand": _SIZED,
    "randn": _SIZED,
    "rand_like": _LIKE,
    "randn_like": _LIKE,
    "randperm": ("int n, *, torch.Generator generator, <out>, <new>", "int n, *, <out>, <new>"),
    "randint": tuple(f"{h}, *, {g}<out>, <new>" for h in _HIGH for g in ("torch.Generator generator, ", "")),
    "randint_like": tuple(
        f"Tensor input, {h}, *, {g}<format>, <new>" for h in _HIGH_LIKE for g in ("torch.Generator generator, ", "")
    ),
    "bernoulli": ("Tensor input, *, <generator>, <out>", "Tensor input, float p, *, <generator>"),
    "Tensor.bernoulli_": ("Tensor p, *, <generator>", "float p = 0.5, *, <generator>"),
    "Tensor.normal_": ("float mean = 0, float std = 1, *, <generator>",),
    "Tensor.random_": ("*, <generator>", "int from, int to, *, <generator>", "int to, *, <generator>"),
    "multinomial": ("Tensor input, int num_samples, bool replacement = False, *, <generator>, <out>",),
    "normal": (
        "Tensor mean, Tensor std, *, <generator>, <out>", "Tensor mean, float std = 1, *, <generator>, <out>",
        "float mean, Tensor std, *, <generator>, <out>",
        "float mean, float std, tuple of ints size, *, <generator>, <out>, <new>",
    ),
    # layers
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _CONV),
    "to": (
        "Tensor self, torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, bool copy = False, *, <format>",
        "Tensor self, torch.dtype dtype, bool non_blocking = False, bool copy = False, *, <format>",
        "Tensor self, Tensor tensor, bool non_blocking = False, bool copy = False, *, <format>",
    ),
    "histogram": (
        "Tensor input, Tensor bins, *, Tensor weight = None, bool density = False, <outs>",
        "Tensor input, int bins = 100, *, tuple of floats range = None, Tensor weight = None, bool density = False, <outs>",
    ),
}  # fmt: skip

# Python functions in PyTorch too: Python words their errors
PYTHON = frozenset(
    [f"torch.{n}" for n in (
        "lu", "einsum", "split", "norm", "cdist", "tensordot", "chain_matmul", "svd_lowrank", "pca_lowrank", "atleast_1d",
        "atleast_2d", "atleast_3d", "broadcast_tensors", "broadcast_shapes", "meshgrid", "cartesian_prod", "block_diag",
        "unique", "unique_consecutive", "stft", "gradient",
    )]
    + [f"Tensor.{n}" for n in (
        "__rdiv__", "unflatten", "lu", "split", "__iter__", "__contains__", "norm", "unique", "unique_consecutive", "stft",
        "istft", "__getitem__", "__setitem__", "type",
    )]
    + [f"signal.windows.{n}" for n in (
        "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann",
        "kaiser", "nuttall",
    )]
)  # fmt: skip

# functions of `torch.nn.functional` that are none of Python's
CALLED = frozenset((
    "relu_", "hardtanh_", "leaky_relu_", "elu_", "selu_", "celu_", "gelu", "softplus", "softshrink", "hardshrink",
    "logsigmoid", "threshold_", "prelu", "rrelu_", "scaled_dot_product_attention", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "conv_tbc", "cosine_similarity", "pairwise_distance", "pdist",
    "one_hot", "linear", "bilinear", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle",
))  # fmt: skip
