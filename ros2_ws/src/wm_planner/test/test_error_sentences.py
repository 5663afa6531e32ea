"""Errors of the machine become sentences with a remedy; what is left is a bug."""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path

import pytest

from wm_planner.explain import bug, explain, of_memory
from wm_planner.files.errors import FileFormatError
from wm_planner.planning import PlanError


class AcceleratorError(RuntimeError):
    """As PyTorch calls errors of a GPU."""


GPU_ERRORS = [  # what PyTorch says, and what to do
    ("The NVIDIA driver on your system is too old (found version 11040). Please update your GPU "
     "driver by downloading and installing a new version", "too old for this build .*update the d"),
    ("CUDA error: CUDA driver version is insufficient for CUDA runtime version", "update the"),
    ("CUDA error: no kernel image is available for execution on the device", "no kernels for"),
    ("Found no NVIDIA driver on your system. Please check that you have a GPU", "no NVIDIA driver"),
    ("No CUDA GPUs are available", "CUDA_VISIBLE_DEVICES"),
    ("Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling "
     "NumCudaDevices() that might have already set an error? Error 804: forward compatibility was "
     "attempted on non supported HW", "different versions: reboot"),
    ("Unexpected error from cudaGetDeviceCount(). Error 803: system has unsupported display driver "
     "/ cuda driver combination", "different versions: reboot"),
    ("CUDA driver initialization failed, you might not have a CUDA gpu.", "cannot be started"),
    ("CUDA unknown error - this may be due to an incorrect environment", "cannot be started"),
    ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", "another process has"),
    ("CUDA error: initialization error", "cannot be started"),
    ("CUDA out of memory. Tried to allocate 2.00 GiB.", "the GPU's memory is full"),
    ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
     "the GPU's memory is full"),
    ("CUDA driver error: out of memory", "the GPU's memory is full"),
    ("std::bad_alloc", "^memory is full"),
    ("CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronous",
     "the GPU or its driver failed"),
    ("CUDA error: uncorrectable ECC error encountered", "the GPU or its driver failed"),
    ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", "the GPU or its driver failed"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "words"), GPU_ERRORS)
def test_an_error_of_the_gpu_says_what_to_do_and_what_pytorch_said(said: str, words: str) -> None:
    sentence = explain(AcceleratorError(said))

    assert re.search(words, sentence), sentence
    assert "\n" not in sentence
    assert sentence.endswith(")")  # PyTorch's own words


def test_the_error_of_a_pytorch_without_cuda_is_known() -> None:
    torch = pytest.importorskip("torch")
    if torch.version.cuda is not None:
        pytest.skip("PyTorch is built with CUDA")
    with pytest.raises(AssertionError) as raised:
        torch.zeros(1, device="cuda")
    assert "built without CUDA: install a build with it" in explain(raised.value)


def test_a_missing_package_is_named_with_the_interpreter_and_the_command() -> None:
    with pytest.raises(ModuleNotFoundError) as raised:
        __import__("hydra_that_nobody_has.sub")
    said = f"{sys.executable} lacks the Python package hydra_that_nobody_has: `{sys.executable} -m"
    assert explain(raised.value).startswith(said)
    named = explain(ModuleNotFoundError("No module named 'yaml'", name="yaml"))
    assert "pip install PyYAML`" in named
    assert "source its setup file" in explain(ModuleNotFoundError("", name="rclpy"))


def test_files_and_memory_are_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory") as raised:
        tmp_path.read_bytes()
    assert explain(raised.value) == f"Is a directory: {tmp_path}"
    full = OSError(errno.ENOSPC, "No space left on device", "/full/file")
    assert explain(full) == "No space left on device: /full/file"
    assert explain(MemoryError()).startswith("memory is full")


def test_sentences_of_this_package_stay_as_they_are() -> None:
    for error in (FileFormatError("it is damaged"), PlanError("CUDA error: none")):
        assert explain(error) == str(error)


@pytest.mark.parametrize("error", [KeyError("x"), AttributeError("y"), RuntimeError("shapes")])
def test_a_bug_is_none_of_these_and_its_traceback_is_in_a_file(
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert explain(error) == ""
    sentence = bug(error)
    (file,) = tmp_path.iterdir()
    assert str(file) in sentence
    assert type(error).__name__ in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "error",
    [
        TypeError("the arguments are mutually exclusive"),
        RuntimeError("the initialization error of a class"),
        RuntimeError("resource busy or unavailable"),
        RuntimeError("not enough memory slots"),
    ],
)
def test_words_of_the_gpu_s_errors_in_another_error_mean_nothing(error: Exception) -> None:
    assert explain(error) == ""


def test_memory_that_pytorch_lacks_on_the_cpu_is_named() -> None:
    said = (
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"
    )
    assert explain(RuntimeError(said)).startswith("memory is full")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("raise ValueError('size must be 1: change it')", "size must be 1: change it"),
        ("int('x')", ""),
        ("import json; json.loads('{')", ""),
    ],
)
def test_a_value_error_is_a_sentence_only_if_this_package_raises_it(
    line: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        exec(line, {"__name__": "wm_planner.some.module"})
    assert explain(raised.value) == sentence


OF_MEMORY = [
    MemoryError(),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of"),
    RuntimeError("HIP out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 7.64 GiB)."),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("HIP error: out of memory"),
    RuntimeError("Triton Error [CUDA]: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling"),
    RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
    RuntimeError("HIP error: HIPBLAS_STATUS_ALLOC_FAILED when calling `hipblasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't "
                 "allocate memory: you tried to allocate 40 bytes. Error code 12"),
    RuntimeError("std::bad_alloc"),
]  # fmt: skip
NOT_OF_MEMORY = [
    IndexError("index 7 is out of memory bounds: CUDA out of memory"),
    KeyError("out of memory"),
    RuntimeError("slot 7 lies out of memory of the replay buffer"),
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in "
                 "a non-contiguous input."),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("the plan can't allocate memory slots to two arms"),
    ValueError("std::bad_alloc"),
]  # fmt: skip


@pytest.mark.parametrize("error", OF_MEMORY, ids=repr)
def test_memory_that_ran_out_is_recognized_and_explained(error: Exception) -> None:
    assert of_memory(error)
    assert "memory is full" in explain(error)


@pytest.mark.parametrize("error", NOT_OF_MEMORY, ids=repr)
def test_other_errors_that_speak_of_memory_are_not_of_memory(error: Exception) -> None:
    assert not of_memory(error)
    assert "memory is full" not in explain(error)


def test_what_pytorch_raises_without_memory_is_recognized() -> None:
    torch = pytest.importorskip("torch")
    assert of_memory(torch.OutOfMemoryError())
    with pytest.raises(RuntimeError) as raised:
        torch.empty(10**16)
    assert of_memory(raised.value)
