"""Which device a model computes on, and how libraries say that its memory was not enough: decided without one at hand.

What CUDA and MPS themselves do is seen only where they are; the decisions are made from counts and words alone.
"""

from __future__ import annotations

import pytest

from analysis.core.encoders._device import DEVICE_VARIABLE, choose_device
from analysis.core.encoders._memory import says_out_of_memory
from analysis.core.errors import ModelUnavailable

LAPTOP = {"cuda": 0, "mps": 1, "cpu": 1}
SERVER = {"cuda": 2, "mps": 0, "cpu": 1}
PLAIN = {"cuda": 0, "mps": 0, "cpu": 1}


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEVICE_VARIABLE, raising=False)


@pytest.mark.parametrize(("there", "chosen"), [(SERVER, "cuda"), (LAPTOP, "mps"), (PLAIN, "cpu")])
def test_the_fastest_that_is_there_is_chosen(there: dict[str, int], chosen: str) -> None:
    assert choose_device(None, there) == chosen


def test_who_asks_is_heard_before_the_environment_and_both_before_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEVICE_VARIABLE, " cuda:1 ")
    assert choose_device(None, SERVER) == "cuda:1"
    assert choose_device("cpu", SERVER) == "cpu"
    assert choose_device("mps", LAPTOP) == "mps"
    monkeypatch.setenv(DEVICE_VARIABLE, "  ")
    assert choose_device(None, SERVER) == "cuda"


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("cuda:2", SERVER),
        ("mps", SERVER),
        ("cuda", LAPTOP),
        ("mps:1", LAPTOP),
        ("cpu:1", PLAIN),
        ("cuda:-1", SERVER),
        ("CUDA", SERVER),
        ("gpu", SERVER),
    ],
)
def test_what_is_not_there_is_refused_with_what_could_be_said(asked: str, there: dict[str, int]) -> None:
    with pytest.raises(ModelUnavailable, match=f"'{asked}' is not on this machine.*Leave {DEVICE_VARIABLE} empty"):
        choose_device(asked, there)


@pytest.mark.parametrize(
    "said",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB",
        "CUDA error: out of memory",
        "MPS backend out of memory (MPS allocated: 8.88 GB, other allocations: 1.02 GB, max allowed: 9.07 GB)",
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 4096 bytes.",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 1073741824",
        "bad allocation",
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Exception during initialization: std::bad_alloc",
    ],
)
def test_lack_of_memory_is_understood_in_every_librarys_words(said: str) -> None:
    assert says_out_of_memory(RuntimeError(said))


@pytest.mark.parametrize("said", ["", "Expected 4-dimensional input", "CUDA error: device-side assert triggered"])
def test_other_errors_are_no_lack_of_memory(said: str) -> None:
    assert not says_out_of_memory(RuntimeError(said))
    assert says_out_of_memory(MemoryError(said))
