"""Every layer beside torch's: text, initial values under the same seed, state_dict, results and gradients."""

import warnings

import numpy as np
import pytest
from layers import LAYERS

import torchlike

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the reference has some of its own


def make(lib, text):
    lib.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(f"nn.{text}", {"nn": lib.nn})


def flat(value):
    if isinstance(value, (tuple, list)):
        return [x for v in value for x in flat(v)]
    return [] if value is None else [value]


def close(got, want, what):
    tolerance = 2e-5 if want.dtype.is_floating_point else 0
    np.testing.assert_allclose(
        got.detach().numpy(), want.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=what
    )
    assert str(got.dtype) == str(want.dtype), what


@pytest.mark.parametrize("text, shapes", LAYERS, ids=[text for text, _ in LAYERS])
def test_layer(text, shapes):
    ref, mine = make(torch, text), make(torchlike, text)
    assert repr(mine) == repr(ref)
    assert list(mine.state_dict()) == list(ref.state_dict())
    lazy = text.startswith("Lazy")
    if not lazy:
        for name, value in ref.state_dict().items():
            close(mine.state_dict()[name], value, name)
    assert torchlike.rand(3).tolist() == torch.rand(3).tolist()  # both have drawn as much
    if shapes is None:
        return
    rng = np.random.RandomState(0)
    inputs = []
    for shape in shapes:
        if shape[0] == "int":
            inputs.append(rng.randint(0, shape[2], shape[1]))
        else:
            inputs.append(rng.uniform(-2, 2, shape).astype(np.float32))
    results = []
    for lib, module in ((torch, ref), (torchlike, mine)):
        lib.manual_seed(4)
        args = [lib.tensor(a, requires_grad=a.dtype == np.float32) for a in inputs]
        outs = flat(module(*args))
        losses = [o.sum() if i == 0 else (o * o).sum() for i, o in enumerate(outs) if o.requires_grad]
        if losses:
            sum(losses).backward()
        results.append((module, outs, [a.grad for a in args], dict(module.named_parameters())))
    (ref, outs, grads, params), (mine, my_outs, my_grads, my_params) = results
    assert repr(mine) == repr(ref)
    for i, (a, b) in enumerate(zip(my_outs, outs, strict=True)):
        close(a, b, f"output {i}")
    for i, (a, b) in enumerate(zip(my_grads, grads, strict=True)):
        assert (a is None) == (b is None)
        if b is not None:
            close(a, b, f"gradient of input {i}")
    for name, p in params.items():
        assert (my_params[name].grad is None) == (p.grad is None), name
        if p.grad is not None:
            close(my_params[name].grad, p.grad, f"gradient of {name}")
    for name, value in ref.state_dict().items():
        close(mine.state_dict()[name], value, f"{name} after a step")


ERRORS = [
    "Conv2d(3, 4, 3, groups=2)",
    "Conv2d(3, 4, 3, groups=0)",
    "Conv2d(4, 3, 3, groups=2)",
    "Conv2d(3, 4, 3, 2, padding='same')",
    "ConvTranspose2d(3, 4, 3, padding_mode='reflect')",
    "GroupNorm(3, 4)",
    "Dropout(1.5)",
    "Embedding(3, 2, 7)",
    "Embedding(3, 2, _weight=torch.zeros(2, 2))",
    "EmbeddingBag(3, 2, padding_idx=-5)",
    "MultiheadAttention(5, 2)",
    "MultiheadAttention(0, 2)",
    "LSTM(0, 2)",
    "LSTM(2, 2, proj_size=2)",
    "LSTM(2, 2, dropout=2)",
    "LSTM(2, 2, bias=1)",
    "RNN(2, 2, nonlinearity='x')",
    "GRU(2, 2, proj_size=1)",
    "Hardtanh(2, 1)",
    "HuberLoss(delta='x')",
    "MultiMarginLoss(p=3)",
    "TripletMarginLoss(margin=0)",
    "Unflatten(1, 3)",
    "Unflatten(1, ('a',))",
    "Bilinear(0, 1, 1)",
    "FractionalMaxPool2d(2)",
    "FractionalMaxPool2d(2, output_size=1, output_ratio=0.5)",
    "FractionalMaxPool3d(2, output_ratio=2.0)",
    "AdaptiveLogSoftmaxWithLoss(4, 5, [])",
    "AdaptiveLogSoftmaxWithLoss(4, 5, [3, 2])",
    "TransformerEncoderLayer(4, 2, activation='x')",
    "BatchNorm2d(2)(torch.zeros(2, 2))",
    "BatchNorm1d(2)(torch.zeros(2, 2, 2, 2))",
    "InstanceNorm2d(2)(torch.zeros(2, 2))",
    "InstanceNorm1d(3, affine=True)(torch.zeros(2, 2, 2))",
    "CircularPad1d(1)(torch.zeros(2))",
    "Softmax2d()(torch.zeros(2))",
    "LSTM(2, 3)(torch.zeros(2, 2, 2, 2))",
    "LSTM(2, 3)(torch.zeros(2, 2, 4))",
    "LSTM(2, 3)(torch.zeros(2, 2, 2).double())",
    "LSTM(2, 3)(torch.zeros(2, 2, 2), (torch.zeros(1, 3, 3), torch.zeros(1, 2, 3)))",
    "GRU(2, 3)(torch.zeros(2, 2, 2), torch.zeros(1, 3))",
    "RNNCell(2, 3)(torch.zeros(1, 1, 2))",
    "LSTMCell(2, 3)(torch.zeros(1, 2), (torch.zeros(1, 1, 3), torch.zeros(1, 3)))",
    "Transformer(4, 2, 1, 1, 4)(torch.zeros(2, 2, 4), torch.zeros(2, 3, 4))",
    "Transformer(4, 2, 1, 1, 4)(torch.zeros(2, 2, 3), torch.zeros(2, 2, 3))",
    "ConvTranspose2d(2, 2, 3)(torch.zeros(1, 2, 3, 3), output_size=(9, 9))",
    "ConvTranspose2d(2, 2, 3)(torch.zeros(1, 2, 3, 3), output_size=(9,))",
]


@pytest.mark.parametrize("text", ERRORS)
def test_error(text):
    found = []
    for lib in (torch, torchlike):
        with pytest.raises(Exception) as caught:
            eval(f"nn.{text}", {"nn": lib.nn, "torch": lib})
        found.append((type(caught.value).__name__, str(caught.value)))
    assert found[1] == found[0]


def test_batch_norm_reads_old_files():
    m = torchlike.nn.BatchNorm1d(2)
    state = m.state_dict()
    del state["num_batches_tracked"]
    state._metadata.clear()
    assert repr(m.load_state_dict(state)) == "<All keys matched successfully>"


def test_lazy_takes_a_state_dict():
    full = torchlike.nn.Sequential(torchlike.nn.Linear(4, 3))
    lazy = torchlike.nn.Sequential(torchlike.nn.LazyLinear(3))
    lazy.load_state_dict(full.state_dict())
    np.testing.assert_array_equal(lazy[0].weight.numpy(force=True), full[0].weight.numpy(force=True))


def test_uninitialized_parameters_refuse_to_compute():
    p = torchlike.nn.UninitializedParameter()
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        p.shape  # noqa: B018
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
        p + 1
    p.materialize((2, 3))
    assert type(p) is torchlike.nn.Parameter
    assert p.requires_grad
    assert tuple(p.shape) == (2, 3)


def test_padded_positions_are_zero_in_evaluation():
    results = []
    for lib in (torch, torchlike):
        lib.manual_seed(0)
        layer = lib.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        encoder = lib.nn.TransformerEncoder(layer, 2).eval()
        x = lib.linspace(-1, 1, 24).reshape(2, 3, 4)
        padding = lib.tensor([[False, False, True], [False, False, False]])
        with lib.no_grad():
            results.append(encoder(x, src_key_padding_mask=padding).numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)
    assert (results[1][0, 2] == 0).all()
