"""`torch.special` and `torch.fft` against torch."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

X = np.array([-7.3, -2.0, -0.4, 0.0, 0.3, 1.0, 4.5, 19.0, 31.0])
POSITIVE = np.array([0.01, 0.3, 1.0, 2.0, 5.5, 24.0, 40.0])
SMOOTH = {
    "i0 i0e i1 i1e ndtr log_ndtr": X[:-1],
    "entr erfcx": POSITIVE,
    "ndtri": np.array([0.001, 0.2, 0.5, 0.999]),
}
VALUES = {
    "bessel_j0 airy_ai spherical_bessel_j0 modified_bessel_i0 modified_bessel_i1": X,
    "bessel_y0 modified_bessel_k0 modified_bessel_k1 scaled_modified_bessel_k0 scaled_modified_bessel_k1": POSITIVE,
}
POLYNOMIALS = ["chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w",
               "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
               "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_w"]  # fmt: skip


def each(table):
    return [pytest.param(name, x, id=name) for names, x in table.items() for name in names.split()]


@pytest.mark.parametrize(("name", "x"), each(SMOOTH))
def test_smooth(name, x):
    check(lambda T, F, a: getattr(T.special, name)(a), x, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("name", "x"), each(VALUES))
def test_values(name, x):
    check(lambda T, F, a: getattr(T.special, name)(a), x, grad=False, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("name", "x"), [("bessel_j1", X), ("bessel_y1", POSITIVE)])
def test_first_order_bessel(name, x):
    """Against SciPy: PyTorch's own float64 values are off by 4e-7 at large arguments."""
    special = pytest.importorskip("scipy.special")
    got = getattr(torchlike.special, name)(torchlike.tensor(x)).numpy()
    np.testing.assert_allclose(got, getattr(special, name[-2:])(x), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name):
    check(
        lambda T, F, x, n: getattr(T.special, name)(x, n),
        np.array([-0.7, 0.2, 0.9, 0.5]),
        np.array([0, 1, 3, 5]),
        grad=False,
    )
    check(lambda T, F, x: getattr(T.special, name)(x, 4), np.array([-0.7, 0.2]), grad=False)


def test_gamma_family():
    x, a = np.array([0.4, 1.3, 3.5]), np.array([0.5, 2.0, 3.0])
    check(lambda T, F, x: [T.polygamma(n, x) for n in range(4)], x)
    check(lambda T, F, x: [T.digamma(x), T.polygamma(1, x)], np.array([-0.4, -2.7]))
    check(lambda T, F, x, a: [T.igamma(a.detach(), x), T.igammac(a.detach(), x)], x, a)
    check(lambda T, F, x: T.mvlgamma(x + 1, 2), x)
    check(lambda T, F, x, a: [T.special.xlog1py(x, a), T.special.zeta(x + 1, a.detach())], x, a, grad=False)


def test_names():
    check(
        lambda T, F, x: [
            T.special.expit(x),
            T.special.logsumexp(x, 0),
            T.special.softmax(x, 0),
            T.special.gammaln(x),
        ],
        POSITIVE,
    )


ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("norm", [None, "forward", "ortho"])
def test_one_dimension(name, norm):
    def f(T, F, x):
        out = (
            getattr(T.fft, name)(x, norm=norm),
            getattr(T.fft, name)(x, 8, 0, norm),
            getattr(T.fft, name)(x, 3),
        )
        return [T.view_as_real(t.resolve_conj()) if t.is_complex() else t for t in out]

    check(f, rand(4, 6))


@pytest.mark.parametrize("name", [n + s for n in ONE for s in ("2", "n")])
def test_several_dimensions(name):
    def f(T, F, x):
        out = getattr(T.fft, name)(x), getattr(T.fft, name)(x, (5, 4), (0, 2))
        return [T.view_as_real(t.resolve_conj()) if t.is_complex() else t for t in out]

    check(f, rand(3, 4, 6))


def test_shifts_and_frequencies():
    check(
        lambda T, F, x: [T.fft.fftshift(x), T.fft.ifftshift(x, 1), T.fft.fftfreq(5, 0.5), T.fft.rfftfreq(6)],
        rand(4, 5),
    )


@pytest.mark.filterwarnings("ignore:A window was not provided")
def test_short_time_transform():
    window = np.hanning(9)[:8]

    def f(T, F, x, w):
        z = T.stft(x, 8, 2, window=w.detach(), return_complex=True)
        return T.view_as_real(z), T.istft(z, 8, 2, window=w.detach())

    check(f, rand(2, 32), window)


def test_errors():
    same_error(lambda T, F, x: T.fft.fft(x, 0), rand(4))
    same_error(lambda T, F, x: T.fft.fft(x, norm="up"), rand(4))
    same_error(lambda T, F, x: T.fft.rfft(T.complex(x, x)), rand(4))
