from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from prm_core.families.heads import (
    ValueHead,
    evidence_features,
    probability,
    token_log_odds,
    token_log_probability,
)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_probability_is_computed_in_float32() -> None:
    p = probability(torch.tensor([-40.0, 0.0, 10.0], dtype=torch.bfloat16))
    assert p.dtype is torch.float32
    assert p[0] > 0.0  # bfloat16 would keep it, float16 would give 0
    assert p[1] == 0.5
    assert p[2] < 1.0


class Largest(TorchFunctionMode):
    """Remembers the most numbers in any one tensor that torch functions return inside it."""

    n_numbers = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.n_numbers = max(self.n_numbers, result.numel())
        return result


def exact_log_probability(hidden: Tensor, head: Tensor, tokens: Tensor) -> Tensor:
    """Row by row from the whole softmax in float64.

    In float32 `log_softmax` itself is off by 1e-4 for two million tokens: it adds them one by one.
    """
    head = head.double()
    rows = [(h.double() @ head.T).log_softmax(-1)[t] for h, t in zip(hidden, tokens, strict=True)]
    return torch.stack(rows)


# Logit, sum and difference are each rounded to float32, by at most 1e-6 below 32; in 60 seeds of
# the big vocabulary the largest difference was 1.9e-6.
ROUNDING = 1e-5


def test_token_log_probability_equals_the_full_softmax() -> None:
    hidden, head = torch.randn(7, 5), torch.randn(11, 5)
    tokens = torch.tensor([0, 10, 3, 3, 7, 1, 2])
    got = token_log_probability(hidden, head, tokens).double()
    expected = exact_log_probability(hidden, head, tokens)
    torch.testing.assert_close(got, expected, rtol=0, atol=ROUNDING)


def test_a_big_vocabulary_is_read_a_few_rows_at_a_time() -> None:
    hidden, head = torch.randn(19, 1), torch.randn(1 << 21, 1)
    tokens = torch.randint(0, 1 << 21, (19,))
    with Largest() as seen:
        got = token_log_probability(hidden, head, tokens)
    assert seen.n_numbers == 8 << 21  # 8 rows at once, 64 MiB of float32; 19 = 8 + 8 + 3
    expected = exact_log_probability(hidden, head, tokens)
    torch.testing.assert_close(got.double(), expected, rtol=0, atol=ROUNDING)


def test_no_token_has_no_log_probability() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    assert token_log_probability(torch.zeros(0, 5), torch.zeros(11, 5), none).shape == (0,)


def test_evidence_is_lowest_mean_and_presence_per_step() -> None:
    log_p = torch.tensor([-1.0, -3.0, -0.5, -100.0])
    step = torch.tensor([0, 0, 2, 3])
    assert evidence_features(log_p, step, 5).tolist() == [
        [-3.0, -2.0, 1.0],
        [0.0, 0.0, 0.0],
        [-0.5, -0.5, 1.0],
        [-20.0, -20.0, 1.0],
        [0.0, 0.0, 0.0],
    ]


def test_evidence_of_nothing_is_nothing() -> None:
    none = torch.zeros(0)
    assert evidence_features(none, none.long(), 2).tolist() == [[0.0] * 3] * 2


def test_evidence_and_head_pass_gradients_to_the_language_model() -> None:
    hidden = torch.randn(4, 6, requires_grad=True)
    lm_head = torch.randn(9, 6, requires_grad=True)
    head = ValueHead(6, evidence=True, dropout=0.0)
    torch.nn.init.ones_(head.weight)
    log_p = token_log_probability(hidden, lm_head, torch.tensor([1, 2, 3, 4]))
    features = evidence_features(log_p, torch.tensor([0, 0, 1, 1]), 2)
    head(hidden[:2], features).sum().backward()
    for gradient in (hidden.grad, lm_head.grad):
        assert gradient is not None
        assert gradient.isfinite().all()
        assert gradient.abs().sum(1).min() > 0


def test_a_new_head_says_one_half_of_everything() -> None:
    head = ValueHead(8).eval()
    assert probability(head(torch.randn(3, 8))).tolist() == [0.5] * 3


def test_the_head_is_a_linear_unit_on_hidden_state_and_evidence() -> None:
    head = ValueHead(2, evidence=True).eval()
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 2.0, 10.0, 100.0, 1000.0]]))
        head.bias.copy_(torch.tensor([0.5]))
    logits = head(torch.tensor([[1.0, 1.0]]), torch.tensor([[-2.0, -1.0, 1.0]]))
    assert logits.tolist() == [1 + 2 - 20 - 100 + 1000 + 0.5]


def test_the_head_computes_in_float32_inside_autocast_too() -> None:
    head = ValueHead(64).eval()
    torch.nn.init.normal_(head.weight)
    hidden = torch.randn(5, 64).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = head(hidden)
    assert inside.dtype is torch.float32
    torch.testing.assert_close(inside, head(hidden), rtol=0, atol=0)


def test_dropout_acts_in_training_only() -> None:
    head = ValueHead(512, dropout=0.5)
    torch.nn.init.ones_(head.weight)
    hidden = torch.ones(1, 512)
    assert head.train()(hidden) != head(hidden)
    assert head.eval()(hidden) == 512.0


@pytest.mark.parametrize("evidence", [False, True])
def test_features_are_given_exactly_when_the_head_takes_them(evidence: bool) -> None:
    head = ValueHead(4, evidence)
    with pytest.raises(ValueError, match="features"):
        head(torch.zeros(1, 4), None if evidence else torch.zeros(1, 3))


HALF = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_weights_are_multiplied_and_summed_in_float32(
    dtype: torch.dtype, autocast: bool
) -> None:
    """A head of 2^14 x 1,100 half-precision numbers takes two blocks; logits reach 40 here."""
    hidden, head = torch.randn(5, 1100).to(dtype), (0.3 * torch.randn(1 << 14, 1100)).to(dtype)
    tokens = torch.tensor([0, (1 << 14) - 1, 7000, 15251, 15252])
    expected = exact_log_probability(hidden, head, tokens)
    odds = exact_log_odds(hidden, head, 15252)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast), Largest() as seen:
        log_p = token_log_probability(hidden, head, tokens)
        log_odds = token_log_odds(hidden, head, 15252)
    assert log_p.dtype is log_odds.dtype is torch.float32
    assert seen.n_numbers < 1 << 24, "the whole head was turned into float32 at once"
    torch.testing.assert_close(log_p.double(), expected, rtol=0, atol=3 * ROUNDING)
    torch.testing.assert_close(log_odds.double(), odds, rtol=0, atol=3 * ROUNDING)


def exact_log_odds(hidden: Tensor, head: Tensor, token: int) -> Tensor:
    logits = hidden.double() @ head.double().T
    others = torch.cat((logits[:, :token], logits[:, token + 1 :]), dim=1)
    return logits[:, token] - others.logsumexp(dim=1)
