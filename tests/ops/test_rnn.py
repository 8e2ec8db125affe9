"""Recurrent networks and cells against torch: values, gradients, packed sequences, one program per length."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
STEPS, BATCH, WIDTH, HIDDEN = 5, 3, 4, 6


def weights(mode, layers, directions, biases, proj=0):
    rows, out = GATES[mode] * HIDDEN, proj or HIDDEN
    params = []
    for layer in range(layers):
        for _ in range(directions):
            params += [rand(rows, WIDTH if layer == 0 else directions * out), rand(rows, out)]
            params += [rand(rows), rand(rows)] if biases else []
            params += [rand(out, HIDDEN)] if proj else []
    return params


def states(mode, layers, directions, proj=0, batch=BATCH):
    n = layers * directions
    h = rand(n, batch, proj or HIDDEN)
    return [h, rand(n, batch, HIDDEN)] if mode == "lstm" else [h]


def hidden(mode, hx):
    return tuple(hx) if mode == "lstm" else hx[0]


@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize(
    "layers, directions, biases, batch_first", [(1, 1, True, False), (2, 2, True, True), (2, 1, False, False)]
)
def test_networks(mode, layers, directions, biases, batch_first):
    def f(T, F, x, hx, params):
        x = x.transpose(0, 1) if batch_first else x
        return getattr(T, mode)(
            x, hidden(mode, hx), params, biases, layers, 0.0, False, directions == 2, batch_first
        )

    check(
        f,
        rand(STEPS, BATCH, WIDTH),
        states(mode, layers, directions),
        weights(mode, layers, directions, biases),
    )


@pytest.mark.parametrize("directions", [1, 2])
def test_projection(directions):
    def f(T, F, x, hx, params):
        return T.lstm(x, tuple(hx), params, True, 2, 0.0, False, directions == 2, False)

    check(
        f,
        rand(STEPS, BATCH, WIDTH),
        states("lstm", 2, directions, 2),
        weights("lstm", 2, directions, True, 2),
    )


@pytest.mark.parametrize("mode", GATES)
def test_second_derivative(mode):
    def f(T, F, x, hx, params):
        return getattr(T, mode)(x, hidden(mode, hx), params, True, 1, 0.0, True, False, False)[0]

    check(f, rand(3, 2, WIDTH), states(mode, 1, 1, batch=2), weights(mode, 1, 1, True), twice=True)


@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize("directions", [1, 2])
def test_packed(mode, directions):
    sizes = np.array([3, 3, 2, 1, 1])

    def f(T, F, x, sizes, hx, params):
        return getattr(T, mode)(x, sizes, hidden(mode, hx), params, True, 2, 0.0, False, directions == 2)

    check(
        f,
        rand(int(sizes.sum()), WIDTH),
        sizes,
        states(mode, 2, directions),
        weights(mode, 2, directions, True),
    )


@pytest.mark.parametrize("mode", GATES)
def test_cells(mode):
    def f(T, F, x, hx, params):
        return getattr(T, mode + "_cell")(x, hidden(mode, hx), *params)

    hx = [h[0] for h in states(mode, 1, 1)]
    check(f, rand(BATCH, WIDTH), hx, weights(mode, 1, 1, True), twice=True)


def test_dropout_between_layers():
    torchlike.manual_seed(0)
    mode, x = "gru", torchlike.ones(STEPS, BATCH, WIDTH)
    h = torchlike.zeros(2, BATCH, HIDDEN)
    params = [torchlike.tensor(w.astype(np.float32)) for w in weights(mode, 2, 1, True)]
    on = [torchlike.gru(x, h, params, True, 2, 0.5, True, False, False)[0] for _ in range(2)]
    off = [torchlike.gru(x, h, params, True, 2, 0.5, False, False, False)[0] for _ in range(2)]
    assert not (on[0] == on[1]).all() and (off[0] == off[1]).all()
    only = torchlike.gru(x, h[:1], params[:4], True, 1, 0.5, True, False, False)[0]
    assert (only == torchlike.gru(x, h[:1], params[:4], True, 1, 0.0, False, False, False)[0]).all()


ERRORS = [
    lambda T, F, x, h, w: T.gru_cell(x[:, :2], h, w, w),
    lambda T, F, x, h, w: T.gru_cell(x, h[:, :2], w, w),
    lambda T, F, x, h, w: T.gru_cell(x, h[:2], w, w),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_cell_errors(case):
    same_error(ERRORS[case], rand(3, 4), rand(3, 4), rand(12, 4))


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("layer", ["RNN", "GRU", "LSTM"])
def test_what_backward_needs_unchanged(layer, batch_first, dtype, wanted):
    torch = pytest.importorskip("torch")

    def fails(lib, overwritten, layers):
        lib.manual_seed(0)
        net = getattr(lib.nn, layer)(2, 3, layers, batch_first=batch_first).to(getattr(lib, dtype))
        x = lib.ones(2, 4, 2, dtype=getattr(lib, dtype)).requires_grad_(wanted) * 1
        out = net(x)[0].sum()
        with lib.no_grad():
            [x, *net.parameters()][overwritten].mul_(0.9)
        try:
            out.backward()
        except RuntimeError as e:
            assert "modified by an inplace operation" in str(e)
            return True
        return False

    for layers in (1, 2):
        for i in range(1 + 4 * layers):
            assert fails(torchlike, i, layers) == fails(torch, i, layers), (layers, i)
