"""Every common operator with every dtype: taken or refused as in PyTorch, with the same result dtype and values."""

import warnings

import numpy as np
import pytest

import torchlike
import torchlike.nn.functional

torch = pytest.importorskip("torch")

DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip
TOLERANCE = {"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 2e-5, "complex64": 2e-5}

# Names: T the library, F its functional; x and y of shape (2, 3), y without zeros; v (3,), a 0-d, sq (3, 3) positive
# definite, b and c (2, 2, 3) and (2, 3, 2), img (1, 2, 4, 4), w (2, 2, 3, 3), all of the dtype; f float32, k int64,
# m a mask, i and idx indices, cls classes.
UNARY = """
abs acos acosh asin asinh atan atanh angle ceil conj cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 floor
frac imag isfinite isinf isnan isneginf isposinf isreal lgamma log log10 log1p log2 logical_not logit nan_to_num neg
positive rad2deg real reciprocal relu round rsqrt selu sgn sigmoid sign signbit sin sinc sinh sqrt square tan tanh
trunc bitwise_not i0 conj_physical resolve_conj clone zeros_like ones_like numel is_nonzero celu rrelu frexp
special.entr special.i0e special.i1 special.ndtr special.log_ndtr special.ndtri special.bessel_j0 special.erfcx
""".split()
FUNCTIONAL = """
relu relu6 elu selu celu leaky_relu gelu silu mish softplus softsign tanhshrink hardtanh hardswish hardsigmoid
hardshrink softshrink logsigmoid threshold(x,0.5,2) glu(b,1) softmax(x,-1) log_softmax(x,-1) softmin(x,-1)
normalize(x) one_hot(x) layer_norm(x,(3,)) layer_norm(x,(3,),v,v) group_norm(img,2) instance_norm(img) rms_norm(x,(3,))
batch_norm(x,v,y[0].abs()) local_response_norm(img,2)
pad(x,(1,1)) pad(img,(1,1,1,1),mode='reflect') pad(img,(1,1),mode='replicate') pad(x,(1,1),mode='circular')
max_pool2d(img,2) max_pool1d(b,2) avg_pool2d(img,2) avg_pool1d(b,2) adaptive_avg_pool2d(img,2) adaptive_avg_pool2d(img,1)
adaptive_max_pool2d(img,2) lp_pool2d(img,2.0,2) conv1d(b,b) conv2d(img,w) conv_transpose2d(img,w) linear(x,y) linear(x,y,y[:,0])
bilinear(x,y,b) embedding(i,x) embedding(x,f) embedding_bag(i,x,first) unfold(img,2) fold(c,(2,2),(1,1))
interpolate(img,scale_factor=2) interpolate(img,scale_factor=2,mode='bilinear') interpolate(img,scale_factor=2,mode='bicubic')
interpolate(img,size=3,mode='area') pixel_shuffle(img.repeat(1,2,1,1),2) grid_sample(img,grid,align_corners=False)
affine_grid(theta,(1,2,3,3),align_corners=False) scaled_dot_product_attention(b,b,b)
mse_loss(x,y) l1_loss(x,y) smooth_l1_loss(x,y) huber_loss(x,y) cross_entropy(x,cls) cross_entropy(f,a2) nll_loss(x,cls)
binary_cross_entropy(unit,unit) binary_cross_entropy_with_logits(x,unit) kl_div(x,y) soft_margin_loss(x,y)
poisson_nll_loss(x,y) gaussian_nll_loss(x,y,y) hinge_embedding_loss(x,y) margin_ranking_loss(x,y,v) multi_margin_loss(x,cls)
multilabel_soft_margin_loss(x,unit) cosine_embedding_loss(x,y,sgn2) triplet_margin_loss(x,y,x+y) cosine_similarity(x,y)
pairwise_distance(x,y) ctc_loss(x.unsqueeze(1),cls.unsqueeze(0),[2],[2]) multilabel_margin_loss(x,idx)
dropout(x,0.0) alpha_dropout(x,0.0) gumbel_softmax(x).shape prelu(x,v[:1]) pdist(x)
""".split()
BINARY = """
add sub mul div true_divide floor_divide remainder fmod pow float_power atan2 maximum minimum fmax fmin eq ne lt le gt ge
logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift gcd lcm hypot
copysign nextafter logaddexp logaddexp2 xlogy heaviside isclose dist ldexp rsub special.zeta special.xlog1py
""".split()
NUMBERS = """
x+1 x+1.5 x+1j x-1 x-1.5 1-x 1.5-x x*2 x*2.5 x*True x/2 2/x x//2 2//y x%2 7%y x**2 x**2.0 x**0.5 x**-1 2**x 2.0**x x&1 x|1 x^1
x<<1 x>>1 x==1 x!=1.5 x<1 x>=1.5 -x +x ~x abs(x) x@v x+a a+x a*1.5 x+f x*f x+k x*k x/k x**k x%k x//k f-x k-x f+a k+a k*a
x==f x<f x==k x<k x>a T.add(x,y,alpha=2) T.add(x,y,alpha=1.5) T.add(x,y,alpha=True) T.sub(x,y,alpha=2) T.rsub(x,y,alpha=2)
T.clamp(x,0,1) T.clamp(x,0.5,1.5) T.clamp(x,min=0) T.clamp(x,max=y) T.clamp_min(x,1) T.clamp_max(x,1.5) T.clip(x,0,1)
T.where(m,x,y) T.where(m,x,1) T.where(m,x,1.5) T.where(x,1,0) T.where(m,x,f) T.where(m,f,x)
T.lerp(x,y,0.5) T.lerp(x,y,y) T.addcmul(x,x,y) T.addcmul(x,x,y,value=2) T.addcmul(x,x,y,value=0.5) T.addcdiv(x,x,y)
T.addcdiv(x,x,y,value=2) T.div(x,y,rounding_mode='floor') T.div(x,y,rounding_mode='trunc') T.div(x,2,rounding_mode='floor')
T.polygamma(1,x) T.mvlgamma(y+3,1) T.xlogy(x,2) T.xlogy(2,x) T.round(x,decimals=1) T.nan_to_num(x,nan=1.0) T.logit(x,eps=0.1)
T.heaviside(x,a) T.isin(x,y) T.allclose(x,x) T.equal(x,y) T.float_power(x,2) T.pow(2,x) T.eq(x,y).sum() T.complex(x,y)
T.polar(x,y) T.view_as_real(x) T.view_as_complex(T.stack((x,y),-1)) T.can_cast(x.dtype,T.float32) T.result_type(x,1.5)
""".split()
INPLACE = """
add_(y) add_(1) add_(1.5) add_(f) add_(k) sub_(y) sub_(1.5) mul_(y) mul_(2) mul_(2.5) mul_(f) div_(y) div_(2) floor_divide_(2)
remainder_(2) pow_(2) pow_(y) pow_(0.5) sqrt_() exp_() log_() neg_() abs_() sigmoid_() tanh_() relu_() clamp_(0,1) clamp_(min=0.5)
zero_() fill_(1) fill_(1.5) fill_(True) fill_(a) copy_(f) copy_(k) masked_fill_(m,1) masked_fill_(m,1.5) masked_fill_(m,a)
bitwise_and_(y) bitwise_or_(1) logical_not_() logical_and_(y) eq_(y) lt_(1) floor_() round_() reciprocal_() rsqrt_() square_()
addcmul_(x,y) addcdiv_(x,y) lerp_(y,0.5) fmod_(2) copysign_(y) hypot_(y) atan2_(y) index_add_(0,i,y) index_fill_(0,i,1)
index_fill_(0,i,1.5) index_copy_(0,i,y) scatter_(1,idx,y) scatter_(1,idx,1) scatter_(1,idx,1.5) scatter_add_(1,idx,y)
scatter_reduce_(1,idx,y,'prod') index_put_((i,),y) index_put_((i,),y,accumulate=True) put_(i,y[0,:2]) cumsum_(0) cumprod_(0)
tril_() triu_() fill_diagonal_(1) t_() clamp_min_(1) xlogy_(y) addmm_(y,sq) clip_(0,1) ceil_() trunc_() sin_() erf_() lgamma_()
uniform_().dtype normal_().dtype bernoulli_().dtype random_().dtype exponential_().dtype
""".split()
REDUCE = """
sum(x) sum(x,0) sum(x,dtype=T.float64) sum(x,dtype=T.int32) mean(x) mean(x,0) mean(x,dtype=T.float32) prod(x) prod(x,0) max(x) min(x)
max(x,0) min(x,0) amax(x,0) amin(x,0) aminmax(x) argmax(x) argmin(x,0) median(x) median(x,0) mode(x,0) nanmedian(x) std(x) var(x) std(x,0)
var_mean(x,0) std_mean(x) all(x) any(x) all(x,0) any(x,0) count_nonzero(x) nonzero(x) logsumexp(x,0) nansum(x) nanmean(x) norm(x)
norm(x,1) norm(x,dim=0) norm(x,p=float('inf')) cumsum(x,0) cumprod(x,0) cummax(x,0) cummin(x,0) logcumsumexp(x,0) softmax(x,0) log_softmax(x,0)
softmax(x,0,dtype=T.float64) quantile(x,0.5) nanquantile(x,0.5) histc(y,4) bincount(v) bincount(v,weights=v) unique(x) unique_consecutive(x)
sort(x) sort(x,stable=True) argsort(v) topk(v,2) kthvalue(v,2) msort(x) searchsorted(v,x) bucketize(x,T.sort(v)[0]) renorm(x,2,0,1.0)
trapezoid(x) cumulative_trapezoid(x) diff(x) cov(x) corrcoef(x) trace(sq) cross(x,y,dim=1) dist(x,y) cdist(x,y) histogram(y,4) logcumsumexp(v,0)
""".split()
MATMUL = """
mm(x,sq) matmul(x,sq) matmul(v,v) matmul(x,v) matmul(b,c) bmm(b,c) mv(sq,v) dot(v,v) vdot(v,v) inner(x,y) outer(v,v) ger(v,v) addmm(x,x,sq)
addmm(x,x,sq,beta=2,alpha=3) addmm(x,x,sq,alpha=0.5) addmv(v,sq,v) addr(sq,v,v) addbmm(x[:,:2],b,c) baddbmm(c[:,:2],b,c) chain_matmul(x,sq) einsum('ij,jk->ik',x,sq)
einsum('ij,ij->',x,y) tensordot(x,sq,1) kron(x,y) linalg.norm(x) linalg.vector_norm(x) linalg.matrix_norm(x) linalg.det(sq) linalg.inv(sq)
linalg.solve(sq,v) linalg.cholesky(sq) linalg.eigvalsh(sq) linalg.svdvals(sq) linalg.qr(sq)[1].abs() linalg.matrix_power(sq,2) linalg.slogdet(sq)
linalg.matrix_rank(sq) linalg.pinv(sq) linalg.cross(x,y) linalg.lstsq(sq,sq)[0] linalg.eigvals(sq).real linalg.matrix_exp(sq) linalg.multi_dot((x,sq)) det(sq) inverse(sq) logdet(sq)
cholesky(sq) triangular_solve(sq,sq)[0] fft.fft(v) fft.rfft(v) fft.ifft(v) fft.fftshift(v) stft(f[0].repeat(4).to(x.dtype),4,return_complex=True) matrix_power(sq,2) matrix_exp(sq)
linalg.vecdot(x,y) linalg.diagonal(sq) linalg.cond(sq) linalg.lu_factor(sq)[0] linalg.solve_triangular(sq,sq,upper=True) linalg.tensorinv(sq,1) block_diag(x,y) cartesian_prod(v,v)
""".split()
SHAPE = """
cat((x,y)) cat((x,f)) cat((x,k)) stack((x,y)) stack((x,f)) hstack((x,y)) flip(x,(0,)) roll(x,1) rot90(x) tril(x) triu(x) diag(v) diag_embed(v) diagonal(sq)
repeat_interleave(x,2) tile(x,(2,)) gather(x,1,idx) index_select(x,0,i) take(x,i) masked_select(x,m) take_along_dim(x,idx,1) masked_fill(x,m,1) masked_fill(x,m,1.5) masked_scatter(x,m,y)
scatter(x,1,idx,y) scatter(x,1,idx,1) scatter_add(x,1,idx,y) scatter_reduce(x,1,idx,y,'sum') scatter_reduce(x,1,idx,y,'mean') scatter_reduce(x,1,idx,y,'amax') scatter_reduce(x,1,idx,y,'prod')
index_add(x,0,i,y) index_add(x,0,i,y,alpha=2) index_copy(x,0,i,y) index_fill(x,0,i,1) index_reduce(x,0,i,y,'mean') index_reduce(x,0,i,y,'amax') index_put(x,(i,),y) gather(f,1,x) index_select(f,0,v)
take(f,v) meshgrid(v,v,indexing='ij') combinations(v) vander(v) tensor_split(x,2) chunk(x,2) split(x,1) unbind(x) nn.utils.rnn.pad_sequence([v,v]) full_like(x,1) full_like(x,1.5) rand_like(x).dtype randn_like(x).dtype
randint_like(x,3).dtype empty_like(x).dtype multinomial(unit,2).dtype bernoulli(unit).dtype normal(x,y).dtype poisson(y).dtype select_scatter(x,v,0,0) slice_scatter(x,x[:1],0,0,1) where(x) argwhere(x) atleast_3d(x)
tril_indices(2,3,dtype=x.dtype) arange(4,dtype=x.dtype) linspace(0,3,4,dtype=x.dtype) logspace(0,1,3,dtype=x.dtype) eye(3,dtype=x.dtype) full((2,),1,dtype=x.dtype) full((2,),1.5,dtype=x.dtype) zeros(2,dtype=x.dtype)
rand(2,dtype=x.dtype).dtype randn(2,dtype=x.dtype).dtype randint(0,2,(2,),dtype=x.dtype).dtype randperm(3,dtype=x.dtype).dtype tensor([1,0],dtype=x.dtype) tensor([1.5,0],dtype=x.dtype) range(0,3,dtype=x.dtype)
hann_window(4,dtype=x.dtype) empty(2,dtype=x.dtype).dtype scalar_tensor(2,dtype=x.dtype) as_tensor(x,dtype=T.float32)
""".split()
METHODS = """
x.float() x.double() x.int() x.long() x.half() x.bfloat16() x.bool() x.byte() x.to(T.complex64) x.type(T.float32) x.type_as(f) x.type_as(k) x[i] x[m] x[x] f[x] f[v] x[0,1].item() x.tolist() int(y[0,1])
float(y[0,1]) bool(y[0,1]) complex(y[0,1]) x.is_floating_point() x.is_complex() x.is_signed() x.element_size() x.unfold(1,2,1) x.view(T.uint8) x.new_tensor([1,0]) x.new_full((2,),1) x.new_zeros(2) x.mH x.sum().item() len(x) repr(x)
repr(y/2) str(x.dtype) x.requires_grad_().requires_grad x.unique() x.var() x.std() x.softmax(-1) x.view_as(y) x.expand(2,2,3) x.index_select(0,i) range(10)[a] x.squeeze() x.repeat(2,1) x.data.dtype x.numpy().dtype.name x.type() x.all() x.any()
setitem(x,0,1) setitem(x,0,1.5) setitem(x,0,1j) setitem(x,0,True) setitem(x,(0,1),a) setitem(x,m,1) setitem(x,i,y) setitem(x,0,f[0]) setitem(x,i,f) setitem(f,0,x[0]) setitem(f,i,x) setitem(x,m,v[0]) setitem(x,m,f[0,0])
""".split()
EXPRESSIONS = [
    *(f"T.{n}(x)" for n in UNARY),
    *(f"F.{n}" if "(" in n else f"F.{n}(x)" for n in FUNCTIONAL),
    *(f"T.{n}(x,y)" for n in BINARY),
    *NUMBERS,
    *(f"x.{n}" for n in INPLACE),
    *(f"T.{n}" for n in REDUCE),
    *(f"T.{n}" for n in MATMUL),
    *(f"T.{n}" for n in SHAPE),
    *METHODS,
]


def _setitem(x, key, value):
    x[key] = value
    return x


def _numbers(dtype):
    """The arrays behind the names that an expression sees, and which dtype each gets."""
    signed = dtype not in ("bool", "uint8")
    part = 0.25 if "float" in dtype or "complex" in dtype else 0
    x = np.array([[0, 1, 2], [-3 if signed else 3, 1, -1 if signed else 0]]) + part
    y = np.array([[1, 2, 1], [3, 1, 2]]) + part
    img = (np.arange(32).reshape(1, 2, 4, 4) * 7 % 5) + part - (2 if signed else 0)
    own = {
        "x": x, "y": y, "v": np.array([2, 0, 1]) + part, "a": np.array(2 + part), "a2": np.array([[0.5, 0, 0.5], [1, 0, 0]]),
        "sq": np.array([[4, 1, 0], [1, 3, 1], [0, 1, 5]]), "b": np.stack([x, y]), "c": np.stack([y.T, x.T]),
        "img": img, "w": img.reshape(-1)[:18].repeat(2).reshape(2, 2, 3, 3), "unit": np.array([[0.5, 0.25, 1], [1, 0.75, 0.5]]),
        "sgn2": np.array([1, -1]), "grid": np.linspace(-1, 1, 18).reshape(1, 3, 3, 2), "theta": np.array([[[1, 0, 0.5], [0, 1, 0]]]),
    }  # fmt: skip
    fixed = {
        "f": np.array([[0.5, 1.5, -1], [2, 0.25, 3]], np.float32), "k": np.array([[1, 2, 0], [3, 1, 2]]),
        "m": np.array([[1, 0, 1], [0, 0, 1]], bool), "i": np.array([1, 0]), "idx": np.array([[2, 0, 1], [0, 1, 2]]),
        "cls": np.array([2, 1]), "first": np.array([0]),
    }  # fmt: skip
    return own, fixed


def _values(lib, dtype):
    """The names that an expression sees."""
    own, fixed = _numbers(dtype)
    if dtype == "bfloat16":
        made = {n: lib.tensor(v.astype(np.float32)).to(lib.bfloat16) for n, v in own.items()}
    else:
        made = {n: lib.tensor(v.astype(dtype)) for n, v in own.items()}
    lib.manual_seed(0)
    made.update((n, lib.tensor(v.copy())) for n, v in fixed.items())
    return {"T": lib, "F": lib.nn.functional, "setitem": _setitem, **made}


def _leaves(result, lib):
    """Dtype, shape and data of the tensors in a result; type and text of what else is in it."""
    if isinstance(result, lib.Tensor):
        t = result.detach()
        wide = t.to(lib.complex128 if t.dtype.is_complex else lib.float64)
        return [(str(t.dtype).removeprefix("torch."), tuple(t.shape), np.array(wide.resolve_conj().numpy()))]
    if isinstance(result, (list, tuple)):
        return [leaf for r in result for leaf in _leaves(r, lib)]
    return [(type(result).__name__, str(result).replace("torchlike", "torch"), None)]


def _failure(e):
    return type(e).__name__, str(e).split("\n")[0]


def _recorded(lib, code, dtype):
    """The result of an expression, or the type and first line of its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return eval(code, _values(lib, dtype))  # noqa: S307 - the table above
    except Exception as e:  # noqa: BLE001 - the error is what is compared
        return e


def _read(result, lib):
    try:
        return _failure(result) if isinstance(result, Exception) else _leaves(result, lib)
    except Exception as e:  # noqa: BLE001 - errors that depend on data appear when it is read
        return _failure(e)


def _outcomes(lib, code):
    """What an expression gives for each dtype, all of them recorded before the first is read."""
    return [_read(r, lib) for r in [_recorded(lib, code, d) for d in DTYPES]]


def _difference(got, want, dtype):
    """How two outcomes differ; None if they do not."""
    if isinstance(got, tuple) or isinstance(want, tuple):
        return None if got == want else f"{got!s:.300}, expected {want!s:.300}"
    if [leaf[:2] for leaf in got] != [leaf[:2] for leaf in want]:
        return f"{[leaf[:2] for leaf in got]}, expected {[leaf[:2] for leaf in want]}"
    for (name, _, mine), (_, _, theirs) in zip(got, want):
        if mine is None:
            continue
        exact = name == "bool" or "int" in name
        tolerance = 0 if exact else max(TOLERANCE.get(name, 1e-7), TOLERANCE.get(dtype, 1e-7))
        if not np.allclose(mine, theirs, rtol=tolerance, atol=tolerance, equal_nan=True):
            return f"{name} {mine.tolist()}, expected {theirs.tolist()}"
    return None


# What PyTorch does and this library cannot, or says in other words.
OUT_OF_REACH = {
    "x+1j": (("float16",), "JAX has no complex32"),
    "T.complex(x,y)": (("float16",), "JAX has no complex32"),
    "T.view_as_complex(T.stack((x,y),-1))": (("float16",), "JAX has no complex32"),
    "T.matrix_exp(sq)": (("float16", "bfloat16"), "PyTorch gives nan, which it did not compute"),
    "T.linalg.matrix_exp(sq)": (("float16", "bfloat16"), "PyTorch gives nan, which it did not compute"),
    "setitem(x,0,1j)": (("float16", "bfloat16"), "the error names the dtype, not double"),
}


def _wrong(expression):
    """For each dtype in which the two libraries differ: how."""
    code = compile(expression, "<table>", "eval")
    found = {}
    for dtype, got, want in zip(DTYPES, _outcomes(torchlike, code), _outcomes(torch, code)):
        if _difference(got, want, dtype) is not None:  # errors that depend on data come one at a time
            got = _read(_recorded(torchlike, code, dtype), torchlike)
        text = _difference(got, want, dtype)
        if text is not None:
            found[dtype] = text
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_dtype(expression):
    wrong = _wrong(expression)
    assert wrong.keys() == set(OUT_OF_REACH.get(expression, ((), ""))[0]), "\n".join(
        f"{d}: {text}" for d, text in wrong.items()
    )
