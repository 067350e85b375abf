import pytest
import torch

from prm_core.errors import BadOptionError
from prm_core.models.device import available_devices, choose_device

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")


def test_the_cpu_computes_in_float32_and_says_why() -> None:
    placement = choose_device("cpu")
    assert (placement.device.type, placement.dtype) == ("cpu", torch.float32)
    assert placement.reason.startswith("cpu: as asked; float32: ")


def test_auto_takes_the_best_device_there_is() -> None:
    assert choose_device().device.type == available_devices()[0]


def test_the_dtype_that_is_asked_for_is_taken() -> None:
    placement = choose_device("cpu", "bfloat16")
    assert placement.dtype is torch.bfloat16
    assert placement.reason.endswith("bfloat16: as asked")


@no_cuda
def test_a_device_that_is_not_here_is_refused_with_the_choices() -> None:
    with pytest.raises(BadOptionError, match=r"'cuda' is not available.*auto.*cpu"):
        choose_device("cuda")


@pytest.mark.parametrize("name", ["tpu-of-mine", "", "cpu:x"])
def test_a_device_that_nobody_knows_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(BadOptionError, match=r"choose from auto, .*cpu"):
        choose_device(name)


def test_an_unknown_dtype_is_refused_with_the_choices() -> None:
    with pytest.raises(BadOptionError, match=r"float64.*auto, float32, bfloat16, float16"):
        choose_device("cpu", "float64")


def test_a_second_cpu_is_refused() -> None:
    with pytest.raises(BadOptionError, match="this machine has 1 of its kind"):
        choose_device("cpu:1")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_that_computes_in_bfloat16_does() -> None:
    placement = choose_device()
    assert placement.device.type == "cuda"
    able = torch.cuda.get_device_capability() >= (8, 0)
    assert placement.dtype is (torch.bfloat16 if able else torch.float32)
