"""`torch.nn.functional`: every layer as a function.

The functions are declared in `torchlike.ops`, grouped as there; this file only
gives them their place.
"""

from __future__ import annotations

from .._core.names import missing as _missing
from .._core.overrides import handle_torch_function as handle_torch_function
from .._core.overrides import has_torch_function as has_torch_function
from .._core.overrides import has_torch_function_unary as has_torch_function_unary
from .._core.overrides import has_torch_function_variadic as has_torch_function_variadic
from .._core.registry import namespace
from .._core.tensor import Tensor as Tensor
from ..ops.pool_shapes import boolean_dispatch as boolean_dispatch
from ..ops.scaled_mm import ScalingType as ScalingType
from ..ops.scaled_mm import SwizzleType as SwizzleType
from ..ops.validate import assert_int_or_pair as assert_int_or_pair

_published = namespace("nn.functional")
_functions = namespace("torch")

# ---- Activations -------------------------------------------------------------------------------

relu = _published["relu"]
relu_ = _published["relu_"]
relu6 = _published["relu6"]
leaky_relu = _published["leaky_relu"]
leaky_relu_ = _published["leaky_relu_"]
elu = _published["elu"]
elu_ = _published["elu_"]
selu = _published["selu"]
selu_ = _published["selu_"]
celu = _published["celu"]
celu_ = _published["celu_"]
gelu = _published["gelu"]
silu = _published["silu"]
mish = _published["mish"]
softplus = _published["softplus"]
softsign = _published["softsign"]
tanhshrink = _published["tanhshrink"]
softshrink = _published["softshrink"]
hardshrink = _published["hardshrink"]
hardtanh = _published["hardtanh"]
hardtanh_ = _published["hardtanh_"]
hardsigmoid = _published["hardsigmoid"]
hardswish = _published["hardswish"]
logsigmoid = _published["logsigmoid"]
prelu = _published["prelu"]
rrelu = _published["rrelu"]
rrelu_ = _published["rrelu_"]
glu = _published["glu"]
threshold = _published["threshold"]
threshold_ = _published["threshold_"]
softmax = _published["softmax"]
log_softmax = _published["log_softmax"]
softmin = _published["softmin"]
gumbel_softmax = _published["gumbel_softmax"]
sigmoid = _functions["sigmoid"]
tanh = _functions["tanh"]

# ---- Linear maps and attention -----------------------------------------------------------------

linear = _published["linear"]
bilinear = _published["bilinear"]
grouped_mm = _published["grouped_mm"]
scaled_mm = _published["scaled_mm"]
scaled_grouped_mm = _published["scaled_grouped_mm"]
scaled_dot_product_attention = _published["scaled_dot_product_attention"]
multi_head_attention_forward = _published["multi_head_attention_forward"]

# ---- Embeddings --------------------------------------------------------------------------------

embedding = _published["embedding"]
embedding_bag = _published["embedding_bag"]
one_hot = _published["one_hot"]

# ---- Dropout -----------------------------------------------------------------------------------

dropout = _published["dropout"]
dropout1d = _published["dropout1d"]
dropout2d = _published["dropout2d"]
dropout3d = _published["dropout3d"]
alpha_dropout = _published["alpha_dropout"]
feature_alpha_dropout = _published["feature_alpha_dropout"]

# ---- Losses ------------------------------------------------------------------------------------

cross_entropy = _published["cross_entropy"]
linear_cross_entropy = _published["linear_cross_entropy"]
nll_loss = _published["nll_loss"]
binary_cross_entropy = _published["binary_cross_entropy"]
binary_cross_entropy_with_logits = _published["binary_cross_entropy_with_logits"]
mse_loss = _published["mse_loss"]
l1_loss = _published["l1_loss"]
smooth_l1_loss = _published["smooth_l1_loss"]
huber_loss = _published["huber_loss"]
kl_div = _published["kl_div"]
poisson_nll_loss = _published["poisson_nll_loss"]
gaussian_nll_loss = _published["gaussian_nll_loss"]
hinge_embedding_loss = _published["hinge_embedding_loss"]
cosine_embedding_loss = _published["cosine_embedding_loss"]
margin_ranking_loss = _published["margin_ranking_loss"]
multi_margin_loss = _published["multi_margin_loss"]
multilabel_margin_loss = _published["multilabel_margin_loss"]
multilabel_soft_margin_loss = _published["multilabel_soft_margin_loss"]
soft_margin_loss = _published["soft_margin_loss"]
triplet_margin_loss = _published["triplet_margin_loss"]
triplet_margin_with_distance_loss = _published["triplet_margin_with_distance_loss"]
ctc_loss = _published["ctc_loss"]

# ---- Distances ---------------------------------------------------------------------------------

normalize = _published["normalize"]
cosine_similarity = _published["cosine_similarity"]
pairwise_distance = _published["pairwise_distance"]
pdist = _published["pdist"]

# ---- Images ------------------------------------------------------------------------------------

pad = _published["pad"]
interpolate = _published["interpolate"]
upsample = _published["upsample"]
upsample_nearest = _published["upsample_nearest"]
upsample_bilinear = _published["upsample_bilinear"]
unfold = _published["unfold"]
fold = _published["fold"]
pixel_shuffle = _published["pixel_shuffle"]
pixel_unshuffle = _published["pixel_unshuffle"]
channel_shuffle = _published["channel_shuffle"]
native_channel_shuffle = _published["native_channel_shuffle"]
grid_sample = _published["grid_sample"]
affine_grid = _published["affine_grid"]

# ---- Convolutions ------------------------------------------------------------------------------

conv1d = _published["conv1d"]
conv2d = _published["conv2d"]
conv3d = _published["conv3d"]
conv_transpose1d = _published["conv_transpose1d"]
conv_transpose2d = _published["conv_transpose2d"]
conv_transpose3d = _published["conv_transpose3d"]
conv_tbc = _published["conv_tbc"]

# ---- Pooling -----------------------------------------------------------------------------------

avg_pool1d = _published["avg_pool1d"]
avg_pool2d = _published["avg_pool2d"]
avg_pool3d = _published["avg_pool3d"]
max_pool1d = _published["max_pool1d"]
max_pool2d = _published["max_pool2d"]
max_pool3d = _published["max_pool3d"]
max_pool1d_with_indices = _published["max_pool1d_with_indices"]
max_pool2d_with_indices = _published["max_pool2d_with_indices"]
max_pool3d_with_indices = _published["max_pool3d_with_indices"]
max_unpool1d = _published["max_unpool1d"]
max_unpool2d = _published["max_unpool2d"]
max_unpool3d = _published["max_unpool3d"]
lp_pool1d = _published["lp_pool1d"]
lp_pool2d = _published["lp_pool2d"]
lp_pool3d = _published["lp_pool3d"]
adaptive_avg_pool1d = _published["adaptive_avg_pool1d"]
adaptive_avg_pool2d = _published["adaptive_avg_pool2d"]
adaptive_avg_pool3d = _published["adaptive_avg_pool3d"]
adaptive_max_pool1d = _published["adaptive_max_pool1d"]
adaptive_max_pool2d = _published["adaptive_max_pool2d"]
adaptive_max_pool3d = _published["adaptive_max_pool3d"]
adaptive_max_pool1d_with_indices = _published["adaptive_max_pool1d_with_indices"]
adaptive_max_pool2d_with_indices = _published["adaptive_max_pool2d_with_indices"]
adaptive_max_pool3d_with_indices = _published["adaptive_max_pool3d_with_indices"]
fractional_max_pool2d = _published["fractional_max_pool2d"]
fractional_max_pool3d = _published["fractional_max_pool3d"]
fractional_max_pool2d_with_indices = _published["fractional_max_pool2d_with_indices"]
fractional_max_pool3d_with_indices = _published["fractional_max_pool3d_with_indices"]

# ---- Normalisation -----------------------------------------------------------------------------

batch_norm = _published["batch_norm"]
instance_norm = _published["instance_norm"]
layer_norm = _published["layer_norm"]
group_norm = _published["group_norm"]
rms_norm = _published["rms_norm"]
local_response_norm = _published["local_response_norm"]

__getattr__ = _missing(__name__)
