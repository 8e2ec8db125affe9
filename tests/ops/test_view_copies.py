"""Views that copy, and the unsafe splits, against torch."""

import numpy as np
import pytest
from twin import LIBS, check, rand, same_error, torch, torchlike

COPIES = {
    "alias_copy": lambda T, x: T.alias_copy(x),
    "as_strided_copy": lambda T, x: T.as_strided_copy(x, (2, 2), (1, 3), 1),
    "diagonal_copy": lambda T, x: T.diagonal_copy(x, 1),
    "expand_copy": lambda T, x: T.expand_copy(x, (2, 3, 4)),
    "narrow_copy": lambda T, x: T.narrow_copy(x, 1, 1, 2),
    "permute_copy": lambda T, x: T.permute_copy(x, (1, 0)),
    "select_copy": lambda T, x: T.select_copy(x, 1, -1),
    "slice_copy": lambda T, x: T.slice_copy(x, 1, 0, -1, 2),
    "squeeze_copy": lambda T, x: T.squeeze_copy(x[:1], 0),
    "t_copy": lambda T, x: T.t_copy(x),
    "transpose_copy": lambda T, x: T.transpose_copy(x, 0, -1),
    "unfold_copy": lambda T, x: T.unfold_copy(x, 1, 2, 1),
    "unsqueeze_copy": lambda T, x: T.unsqueeze_copy(x, -1),
    "view_copy": lambda T, x: T.view_copy(x, (4, -1)),
    "view_as_real_copy": lambda T, x: T.view_as_real_copy(T.complex(x, x)),
    "split_copy": lambda T, x: T.split_copy(x, 3, 1),
    "split_with_sizes_copy": lambda T, x: T.split_with_sizes_copy(x, [1, 3], 1),
    "unbind_copy": lambda T, x: T.unbind_copy(x, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_values_gradients_and_memory(name):
    check(lambda T, F, x: COPIES[name](T, x), rand(3, 4))
    for lib in LIBS:
        x = lib.ones(3, 4)
        made = COPIES[name](lib, x)
        for part in made if isinstance(made, tuple) else (made,):
            assert not part._is_view()
            part.zero_()
        assert x.sum().item() == 12


@pytest.mark.parametrize("name", COPIES)
def test_grad_fn_names(name):
    if name.startswith("squeeze"):  # PyTorch has a node per overload
        return
    names = []
    for lib in LIBS:
        made = COPIES[name](lib, lib.ones(3, 4, requires_grad=True))
        names.append((made[0] if isinstance(made, tuple) else made).grad_fn.name())
    assert names[0] == names[1]


def test_detach_copy_and_dtypes():
    check(lambda T, F, x: [T.view_copy(x, T.int32), T.view_as_complex_copy(x.view(3, 2)), T.detach_copy(x)],
          rand(6, dtype=np.float32), grad=False)  # fmt: skip


OUTS = {
    "right": lambda T, x: T.t_copy(x, out=T.empty(4, 3)),
    "empty": lambda T, x: T.t_copy(x, out=T.empty(0)),
    "parts": lambda T, x: T.split_copy(x, 2, out=[T.empty(2, 4), T.empty(1, 4)]),
    "narrow": lambda T, x: T.narrow_copy(x, 0, 1, 2, out=T.empty(7)),
}


@pytest.mark.parametrize("name", OUTS)
def test_out(name):
    x = rand(3, 4, dtype=np.float32)
    check(lambda T, F, x: OUTS[name](T, x), x, grad=False)


def test_out_of_many_is_written():
    for lib in LIBS:
        outs = [lib.empty(2), lib.empty(4)]
        assert lib.split_with_sizes_copy(lib.arange(6.0), [2, 4], out=outs) is None
        assert [t.tolist() for t in outs] == [[0, 1], [2, 3, 4, 5]]


WRONG = {
    "dtype": lambda T, x: T.t_copy(x, out=T.empty(4, 3, dtype=T.float64)),
    "number of parts": lambda T, x: T.split_copy(x, 2, out=[T.empty(2, 4)]),
    "number of sizes": lambda T, x: T.split_with_sizes_copy(x, [1, 2], out=[T.empty(1, 4)]),
    "size of a part": lambda T, x: T.split_copy(x[0], 2, out=[T.empty(0), T.empty(0)]),
    "spread sizes": lambda T, x: T.expand_copy(x, 3, 4),
    "int for dims": lambda T, x: T.permute_copy(x, 0),
    "view": lambda T, x: T.view_copy(x, [5, 2]),
    "overloads": lambda T, x: T.view_copy(x, 3, 4),
    "narrow": lambda T, x: T.narrow_copy(x, 0, 0, -1),
    "narrow's dimension": lambda T, x: T.narrow_copy(x, 2, 0, 1),
    "step": lambda T, x: T.slice_copy(x, 0, 0, 2, 0),
    "list for a size": lambda T, x: T.split_copy(x, [1, 2]),
    "unsafe list": lambda T, x: T.unsafe_split(x, [1, 2]),
    "unsafe sizes": lambda T, x: T.unsafe_split_with_sizes(x, (1, 1)),
    "unsafe chunks": lambda T, x: T.unsafe_chunk(x, 0),
    "nothing": lambda T, x: T.t_copy(),
    "number": lambda T, x: T.t_copy(3),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    same_error(lambda T, F, x: WRONG[name](T, x), rand(3, 4, dtype=np.float32))


UNSAFE = {
    "split": lambda x: x.unsafe_split(2, 1),
    "sizes": lambda x: x.unsafe_split_with_sizes((1, 3), 1),
    "chunk": lambda x: x.unsafe_chunk(2, dim=1),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_parts(name):
    check(lambda T, F, x: UNSAFE[name](x), rand(3, 4))
    check(lambda T, F, x: [p.mul_(3) for p in UNSAFE[name](x * 1)], rand(3, 4))
    for lib in LIBS:
        x = lib.ones(3, 4)
        part = UNSAFE[name](x)[0]
        part.zero_()
        assert x.sum().item() == 12 - part.numel() and not part._is_view()


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_parts_without_taping(name):
    for lib in (torchlike, torch):
        with lib.no_grad():
            assert not any(p.requires_grad for p in UNSAFE[name](lib.ones(3, 4, requires_grad=True)))
