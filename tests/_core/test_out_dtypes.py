"""`out=` of another dtype than the result's: taken where PyTorch casts, refused with its text elsewhere."""

import warnings

import pytest

import torchlike

torch = pytest.importorskip("torch")

CALLS = """
abs(x) exp(x) neg(x) add(x,y) maximum(x,y) eq(x,y) isposinf(x) clamp(x,0,1) where(m,x,y) round(x) softmax(x,0) sum(x,0) mean(x,0)
prod(x,0) amax(x,0) aminmax(x,dim=0) all(x,0) max(x,0) argmax(x,0) std(x,0) norm(x,dim=0) cumsum(x,0) cummax(x,0) logcumsumexp(x,0)
mode(x,0) kthvalue(x,1) topk(x,1) sort(x) msort(x) quantile(x,0.5) mm(x,sq) matmul(x,sq) mv(sq,v) dot(v,v) addmm(x,x,sq) addr(sq,v,v)
outer(v,v) inner(x,y) kron(x,y) tensordot(x,sq,1) cross(x,y,dim=1) linalg.inv(sq) linalg.det(sq) linalg.vector_norm(x) linalg.qr(sq)
linalg.eigh(sq) cat((x,y)) stack((x,y)) gather(x,1,i) index_select(x,0,k) take(x,k) masked_select(x,m) scatter(x,1,i,y) index_add(x,0,k,y)
tril(x) diag(v) renorm(x,2,0,1.0) histc(x) hypot(x,y) nan_to_num(x) frexp(x) heaviside(x,y) isin(x,y) pow(x,2) div(x,y)
""".split()  # fmt: skip
WIDE, NARROW = (
    {"float32": "float64", "int64": "int32", "int32": "int64", "bool": "int64"},
    {"float32": "int32", "int64": "bool", "int32": "bool", "bool": "float32"},
)
DIAG = "`diag` is a view and its copy here: the general text"


def outcome(lib, call, dtypes):
    """ "ok", or type and text of the error, of a call whose results go into tensors of other dtypes."""
    rows = [[0.5, 1, 2], [3, 1, 0.5]]
    names = {
        "T": lib, "x": lib.tensor(rows), "y": lib.tensor(rows[::-1]), "v": lib.tensor(rows[0]), "k": lib.tensor([1, 0]),
        "sq": lib.tensor([[4.0, 1, 0], [1, 3, 1], [0, 1, 5]]), "m": lib.tensor([[True, False, True]] * 2),
        "i": lib.tensor([[2, 0, 1], [0, 1, 2]]),
    }  # fmt: skip
    found = eval(f"T.{call}", names)  # noqa: S307 - the table above

    def other(t):
        return lib.empty(tuple(t.shape), dtype=getattr(lib, dtypes[str(t.dtype).removeprefix("torch.")]))

    out = tuple(other(t) for t in found) if isinstance(found, tuple) else other(found)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            eval(f"T.{call[:-1]},out=out)", {**names, "out": out})  # noqa: S307
    except Exception as e:  # noqa: BLE001 - the error is what is compared
        return type(e).__name__, str(e).split("\n")[0]
    return "ok"


@pytest.mark.parametrize("dtypes", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("call", CALLS)
def test_out_dtype(call, dtypes, request):
    if call == "diag(v)" and dtypes is NARROW:
        request.applymarker(pytest.mark.xfail(strict=True, reason=DIAG))
    assert outcome(torchlike, call, dtypes) == outcome(torch, call, dtypes)
