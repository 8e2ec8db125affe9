"""Python numbers are inputs of the program: a call that differs in them alone makes no Call and compiles nothing.

PyTorch's own samples run with their numbers, and again with others. The values of the second run are PyTorch's, so
no number was frozen into a program either. `EXCUSED` says which numbers decide what the program is.
"""

import itertools
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import torchlike
import torchlike.nn.functional
from torchlike._core.graph import CALLS

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))
import conform  # noqa: E402
from bridge import Bridge, Untranslatable, leaves  # noqa: E402
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # the samples have some of the reference's
BRIDGE = Bridge(torchlike)
SAMPLES = 1, 4  # with numbers, of each entry; of those excused
LOOKED_AT = 10, 40  # samples; a few entries have thousands, which take longer to make than to run
CHUNKS = 10
NUMBERS = ("number", "Optional[number]", "float", "Optional[float]")
RANDOM = re.compile(
    "dropout|attention|rrelu|bernoulli|multinomial|normal$|uniform|rand|exponential|cauchy|geometric"
)

# (entries, the argument's names or places, which values of it, why)
ANY, ZERO = (lambda v: True), (lambda v: v == 0)
EXCUSED = [
    (r"(masked|linalg)?\.?(vector_)?norm(\.|$)", ("ord", "p", 0), ANY, "the exponent picks the formula"),
    (r"masked\.normalize$", ("ord", 0), ANY, "the exponent picks the formula"),
    (r"nn\.functional\.(normalize|pdist|pairwise_distance|multi_margin_loss)$", ("p", 0), ANY,
     "the exponent picks the formula"),
    (r"(cdist|dist)$", ("p", 0, 1), ANY, "the exponent picks the formula"),
    (r"renorm$", (0,), ANY, "the exponent picks the formula"),
    (r"nn\.functional\.embedding(_bag)?$", ("norm_type",), ANY, "the exponent picks the formula"),
    (r"nn\.functional\.(interpolate|upsample)", ("scale_factor", 0, 1), ANY, "positions are worked out on the host"),
    (r"nn\.functional\..*(dropout|dot_product)", ("p", "dropout_p", 0), ZERO, "nothing is drawn"),
]  # fmt: skip


def excused(entry, where, value):
    return any(re.match(e, entry) and where in names and which(value) for e, names, which, _ in EXCUSED)


def numbers_of(name):
    """Names and places of the parameters that PyTorch's schemas call numbers."""
    packet = getattr(torch.ops.aten, name.rpartition(".")[2], None)
    found = set()
    for overload in packet.overloads() if packet is not None else ():
        for i, a in enumerate(getattr(packet, overload)._schema.arguments):
            if str(a.type) in NUMBERS:
                found |= {a.name, i - 1}  # the input is no argument of a sample
    return found


def varied(entry, sample, numbers, wanted):
    """Arguments with other numbers, and how many there are; `wanted`: those excused, or those not."""
    count = 0

    def one(where, v):
        nonlocal count
        is_number = type(v) is float and abs(v) < 1e30 or type(v) is int and where in numbers
        if not is_number or excused(entry, where, v) is not wanted:
            return v
        count += 1
        return v * 0.9375 + 0.0078125 if type(v) is float else v + 1 if v >= 0 else v - 1

    args = tuple(one(i, v) for i, v in enumerate(sample.args))
    return args, {k: one(k, v) for k, v in sample.kwargs.items()}, count


def copied(x):
    if isinstance(x, torch.Tensor):
        return x.detach().clone()
    if isinstance(x, (list, tuple)) and not hasattr(x, "_fields"):
        return type(x)(copied(v) for v in x)
    return {k: copied(v) for k, v in x.items()} if isinstance(x, dict) else x


def called(fn, sample, args, kwargs):
    """The results, computed, on tensors of their own; and how many programs were compiled for them."""
    torchlike.manual_seed(0)
    before = torchlike.debug.stats()["compiles"]
    out = fn(*BRIDGE.to_lib(copied([sample.input, *args])), **BRIDGE.to_lib(copied(kwargs)))
    return BRIDGE.to_ref(out), torchlike.debug.stats()["compiles"] - before


def cases(op, wanted):
    """(function, sample, its arguments with other numbers) of an entry."""
    entry, numbers = conform.entry_name(op), numbers_of(op.name)
    if not op.dtypes or entry == "arange":  # whose numbers are the size of its result
        return
    try:
        fn = conform.resolve(torchlike, op, BRIDGE)
        torch.manual_seed(0)
        samples = list(itertools.islice(op.sample_inputs("cpu", conform.pick_dtype(op)), LOOKED_AT[wanted]))
    except Exception:  # noqa: BLE001 - no such operator here, or no samples on this machine
        return
    left = SAMPLES[wanted]
    for s in samples:
        args, kwargs, count = varied(entry, s, numbers, wanted)
        if not count or not left or any(callable(v) for v in s.kwargs.values()):
            continue
        try:
            want = op.op(*copied([s.input, *args]), **copied(kwargs))
            BRIDGE.to_lib([s.input, s.args, s.kwargs])
        except Untranslatable:
            continue
        except Exception:  # noqa: BLE001 - PyTorch takes no such numbers
            continue
        left -= 1
        yield fn, s, args, kwargs, want


def complaint(op):
    """What is wrong with an entry, "" if nothing is; and how many samples were run."""
    count = 0
    for fn, s, args, kwargs, want in cases(op, False):
        called(fn, s, s.args, s.kwargs)
        while called(fn, s, s.args, s.kwargs)[1]:  # what recurs is compiled whole
            pass
        calls = set(CALLS)
        got, compiles = called(fn, s, args, kwargs)
        count += 1
        new = [CALLS[c].text for c in set(CALLS) - calls]
        if new:
            return f"new calls with {args} {kwargs}: {new}", count
        if compiles:
            return f"compiles with {args} {kwargs}", count
        if RANDOM.search(op.name):
            continue
        for a, b in zip(leaves(got), leaves(want), strict=True):
            np.testing.assert_allclose(
                a.resolve_conj().numpy(),
                b.detach().resolve_conj().numpy(),
                rtol=1e-4,
                atol=1e-5,
                err_msg=op.name,
            )
    return "", count


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_other_numbers_compile_nothing(chunk):
    bad, count = {}, 0
    for op in op_db[chunk::CHUNKS]:
        text, n = complaint(op)
        count += n
        if text:
            bad[conform.entry_name(op)] = text
    assert not bad
    assert count >= 5  # the samples still have numbers


@pytest.mark.parametrize("entries,why", [(e, why) for e, _, _, why in EXCUSED])
def test_what_is_excused_is_another_program(entries, why):
    seen = set()
    for op in op_db:
        entry = conform.entry_name(op)
        if not re.match(entries, entry):
            continue
        for fn, s, args, kwargs, _ in cases(op, True):
            called(fn, s, s.args, s.kwargs)
            calls = set(CALLS)
            called(fn, s, args, kwargs)
            if set(CALLS) - calls:
                seen.add(entry)
    assert seen, why
