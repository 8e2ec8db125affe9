"""What PyTorch's derivative formulas do beside their values, by the name of the operator.

How a gradient lies in memory, and which operands it depends on when it is differentiated again, follow from how
PyTorch wrote the formula (`tools/autograd/derivatives.yaml`), not from its value. Here JAX gives the values.
"""

# ---- how gradients lie (see `vjp._gradient_avals`): as what the formula begins with, which is the gradient but for

BY_OPERANDS = {  # an operand comes first, or a mask of its order
    "clamp", "clamp_max", "clamp_min", "erf", "leaky_relu", "maximum", "minimum", "relu", "sinc", "where",
}  # fmt: skip
LIKE_OPERAND = {"angle", "as_strided", "prod"}  # as the operand does, whatever comes first
BY_ROWS = {"cumsum", "log_softmax", "masked_fill", "smooth_l1_loss", "softmax", "softmin", "tril", "triu"}
WHOLE_BY_ROWS = {"max", "min"}  # of all elements, by rows; along a dimension not
DIVIDED = {"mean", "nanmean", "var", "std"}  # PyTorch computes with what it expanded; JAX expands last
PRODUCTS = {"mm", "matmul", "addmm"}  # the gradient of a matrix lies by columns where the matrix does
INTO_ZEROS = {"slice", "select"}  # PyTorch writes into zeros even where that is all of them

# ---- what backward sees of operands that got other data (`x.data = y`) after forward: the new data, but for

VIEWED = {  # operands that PyTorch saves as a view of its own making, or a copy
    "bilinear": (0, 1), "linear": (0, 1), "outer": (0,), "inner": (0, 1), "tensordot": (0, 1),
    "prelu": (1,), "instance_norm": range(16), "multi_head_attention": range(16),
}  # fmt: skip
UNLESS_ALIKE = {"linear": (0,), "prelu": (1,)}  # not so if the first two operands have as many dimensions

# ---- in which order gradients are sent: that of the operands, but for

SENT = {"linear": (2, 0, 1), "bilinear": (3, 0, 1, 2)}  # where there are so many
SENT_BACKWARDS = {"multi_head_attention"}

# ---- what gradients depend on (see `vjp.dependencies`): what their values do, but for

PASSING = {  # the gradient only goes on, to places that the operands choose
    "amax", "amin", "aminmax", "clamp", "clamp_max", "clamp_min", "cummax", "cummin", "fmax", "fmin",
    "hinge_embedding_loss", "kthvalue", "max", "maximum", "median", "min", "minimum", "mode", "msort",
    "nan_to_num", "nanmean", "nanmedian", "nanquantile", "nansum", "quantile", "sort", "topk",
}  # fmt: skip
PASSING_FIRST = {"frexp", "nextafter", "remainder"}  # so for the first operand
TOGETHER = {  # one backward operator makes all gradients of all operands
    "_batch_norm_eval", "_batch_norm_train", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "group_norm", "instance_norm", "layer_norm",
}  # fmt: skip
