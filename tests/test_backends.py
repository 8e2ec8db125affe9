"""`torch.backends`: flags keep what is set, refuse what makes no sense, and act where they can."""

from __future__ import annotations

import pytest

import torchlike as torch
from torchlike import backends


@pytest.mark.parametrize(
    "module, flag, value",
    [
        (backends.cudnn, "benchmark", True),
        (backends.cudnn, "deterministic", True),
        (backends.cudnn, "enabled", False),
        (backends.cudnn, "allow_tf32", False),
        (backends.cuda.matmul, "allow_bf16_reduced_precision_reduction", False),
        (backends.opt_einsum, "strategy", "optimal"),
    ],
)
def test_flags(module: object, flag: str, value: object) -> None:
    before = getattr(module, flag)
    setattr(module, flag, value)
    assert getattr(module, flag) == value
    with pytest.raises(RuntimeError, match=f"{flag}: expected {type(value).__name__}"):
        setattr(module, flag, 1.5)
    setattr(module, flag, before)


def test_cudnn_flags_context() -> None:
    with backends.cudnn.flags(deterministic=True, benchmark=True):
        assert backends.cudnn.deterministic and backends.cudnn.benchmark and backends.cudnn.enabled
    assert not backends.cudnn.deterministic and not backends.cudnn.benchmark


def test_float32_precision() -> None:
    assert torch.get_float32_matmul_precision() == "highest" and not backends.cuda.matmul.allow_tf32
    x = torch.ones(4, 4)
    try:
        backends.cuda.matmul.allow_tf32 = True
        assert (
            torch.get_float32_matmul_precision() == "high" and backends.cuda.matmul.fp32_precision == "tf32"
        )
        assert (x @ x).sum().item() == 64
        torch.set_float32_matmul_precision("medium")
        assert backends.cuda.matmul.allow_tf32
        with pytest.warns(UserWarning, match="is not one of 'highest', 'high', or 'medium'"):
            torch.set_float32_matmul_precision("low")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert not backends.cuda.matmul.allow_tf32


def test_a_change_of_precision_recompiles() -> None:
    def step() -> None:
        torch.ones(4, 4).matmul(torch.ones(4, 4)).add(1).sum().item()

    step()
    torch.debug.reset()
    step()
    assert torch.debug.stats()["compiles"] == 0
    try:
        torch.set_float32_matmul_precision("high")
        step()
        assert torch.debug.stats()["compiles"] > 0
    finally:
        torch.set_float32_matmul_precision("highest")


def test_attention_flags() -> None:
    assert backends.cuda.flash_sdp_enabled()
    with backends.cuda.sdp_kernel(enable_flash=False):
        assert not backends.cuda.flash_sdp_enabled() and backends.cuda.math_sdp_enabled()
    assert backends.cuda.flash_sdp_enabled()
    backends.cuda.enable_mem_efficient_sdp(False)
    assert not backends.cuda.mem_efficient_sdp_enabled()
    backends.cuda.enable_mem_efficient_sdp(True)


def test_probes() -> None:
    assert not backends.mps.is_available() and not backends.mps.is_built()
    for module in (backends.mkl, backends.mkldnn, backends.openmp, backends.opt_einsum, backends.cudnn):
        assert isinstance(module.is_available(), bool)
    assert backends.cpu.get_cpu_capability() in ("AVX512", "AVX2", "NEON", "DEFAULT")
    assert backends.quantized.engine in backends.quantized.supported_engines
    assert not hasattr(backends, "no_such_library")
