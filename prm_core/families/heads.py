"""From hidden states at step positions to log-odds: the parts that scoring and training share.

Everything here is differentiable and in float32 whatever the weights are, so that
`prm_core.training` and the families' readouts call the same functions and cannot drift apart.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

N_EVIDENCE_FEATURES = 3
LOWEST_LOG_PROBABILITY = -20.0
"""Below this a token is practically impossible; one token must not outweigh everything else."""

_NUMBERS_AT_ONCE = 1 << 24
"""Bound on the logits of one product with the LM head, and on the part of the head that is
converted to float32 for it: 64 MiB each."""


def probability(log_odds: Tensor) -> Tensor:
    """Sigmoid in float32; the same shape, each in [0, 1]."""
    return torch.sigmoid(log_odds.float())


def token_log_probability(hidden: Tensor, head: Tensor, token_ids: Tensor) -> Tensor:
    """Log-probability of given tokens under the language model.

    The softmax is over the whole vocabulary, but only at the given rows, and a bounded number of
    logits at a time: those of a whole sequence are never computed at once.

    Args:
        hidden: [E, H], any float dtype; last layer, after the final norm, one token before each.
        head: [V, H], any float dtype; the language-model head's weight (the embedding where they
            are tied).
        token_ids: [E] int64; the tokens.

    Returns:
        [E] float32 on hidden's device, each at most 0 up to rounding.
    """
    parts = [hidden.new_zeros(0, dtype=torch.float32)]
    with torch.autocast(hidden.device.type, enabled=False):
        for some in torch.arange(len(hidden), device=hidden.device).split(_rows_at_once(head)):
            rows = hidden[some].float()
            chosen = (rows * head[token_ids[some]].float()).sum(dim=1)
            parts.append(chosen - _log_sum(rows, head))
    return torch.cat(parts)


def token_log_odds(hidden: Tensor, head: Tensor, token_id: int, scale: float = 1.0) -> Tensor:
    """Log-odds of one token against all others of the vocabulary.

    The log-odds keep what ln p = 0 would lose if the token is almost certain.

    Args:
        hidden: [S, H], any float dtype; last layer, after the final norm, one token before.
        head: [V, H], any float dtype; the language-model head's weight.
        token_id: in [0, V).
        scale: the factor of the model's logits.

    Returns:
        [S] float32 on hidden's device.
    """
    parts = [hidden.new_zeros(0, dtype=torch.float32)]
    with torch.autocast(hidden.device.type, enabled=False):
        for some in hidden.split(_rows_at_once(head)):
            rows = some.float() * scale
            chosen = rows @ head[token_id].float()
            parts.append(chosen - _log_sum(rows, head, without=token_id))
    return torch.cat(parts)


def _columns_at_once(head: Tensor) -> int:
    """How many rows of the head are converted to float32 at once: all if they already are."""
    return len(head) if head.dtype == torch.float32 else max(1, _NUMBERS_AT_ONCE // head.shape[1])


def _rows_at_once(head: Tensor) -> int:
    return max(1, _NUMBERS_AT_ONCE // _columns_at_once(head))


def _log_sum(hidden: Tensor, head: Tensor, without: int | None = None) -> Tensor:
    """The logarithm of the sum of the exponentials of the logits over the vocabulary.

    Args:
        hidden: [S, H] float32.
        head: [V, H], any float dtype.
        without: a token that is left out.

    Returns:
        [S] float32.
    """
    parts: list[Tensor] = []
    width = _columns_at_once(head)
    for start in range(0, len(head), width):
        logits = functional.linear(hidden, head[start : start + width].float())  # [S, width]
        if without is not None and start <= without < start + width:
            logits[:, without - start] = -torch.inf
        parts.append(logits.logsumexp(dim=1))
    return torch.stack(parts).logsumexp(dim=0)


def evidence_features(log_p: Tensor, step: Tensor, n_steps: int) -> Tensor:
    """Features of the language model's own certainty in each step, for a value head.

    The smallest log-probability finds the one surprising digit, the mean measures the general
    certainty, and the flag distinguishes a step without such tokens from a certain one.

    Args:
        log_p: [E]; log-probabilities of the tokens that count.
        step: [E] int64; which step each belongs to, in [0, n_steps).
        n_steps: S.

    Returns:
        [S, 3] float32: min, mean, 1 if the step has any such token. Log-probabilities are clamped
        to at least -20; min and mean are 0 for a step that has none.
    """
    clamped = log_p.float().clamp(min=LOWEST_LOG_PROBABILITY)
    nothing = clamped.new_zeros(n_steps)
    lowest = nothing.scatter_reduce(0, step, clamped, "amin", include_self=False)
    mean = nothing.scatter_reduce(0, step, clamped, "mean", include_self=False)
    present = nothing.scatter(0, step, 1.0)
    return torch.stack((lowest, mean, present), dim=1)


class ValueHead(nn.Module):
    """Hidden state and evidence → log-odds that a step is right: a linear unit, after dropout.

    Evidence is the language model's (`evidence_features`), the calculator's
    (`prm_core.calculator`), or both. Their meaning often depends on each other (a false equation
    that is corrected later), which a linear unit cannot express; so a small network with one hidden
    layer on the evidence alone may be added.

    Starts at zero, so an untrained head gives 0.5 for everything. Always computes in float32, even
    inside autocast.

    Attributes:
        n_hidden: H.
        evidence: whether the features of `evidence_features` are joined to the hidden state.
        calculator: the number of the calculator's features; 0 for none.
        units: size of the hidden layer on the evidence; 0 for none.
        pooled_beside: given, the mean of a step's hidden states is read too, so there is one for
            each token; the tokens here are those that count as evidence. None: no mean.
        blind: in training, the share of the steps for which it sees only the calculator; for the
            other steps the rest is scaled up, so that its expected value stays the same. A
            language model's opinion of texts unlike its own is less reliable than it seems in
            training.
    """

    def __init__(
        self,
        n_hidden: int,
        evidence: bool = False,
        dropout: float = 0.1,
        *,
        calculator: int = 0,
        units: int = 0,
        pooled_beside: frozenset[int] | None = None,
    ) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        self.evidence = evidence
        self.calculator = calculator
        self.units = units
        self.pooled_beside = pooled_beside
        self.blind = 0.0
        self.dropout = nn.Dropout(dropout)
        n_states = 2 * n_hidden if self.pooled else n_hidden
        self.weight = nn.Parameter(torch.zeros(1, n_states + self.n_features))
        self.bias = nn.Parameter(torch.zeros(1))
        if units:
            self.unit_weight = nn.Parameter(torch.zeros(units, self.n_features))
            self.unit_bias = nn.Parameter(torch.zeros(units))
            self.unit_out = nn.Parameter(torch.zeros(1, units))
            nn.init.kaiming_uniform_(self.unit_weight, a=5**0.5)

    @property
    def pooled(self) -> bool:
        """Whether the mean of a step's hidden states is read too."""
        return self.pooled_beside is not None

    @property
    def n_features(self) -> int:
        """F: the number of a step's features beside its hidden state."""
        return N_EVIDENCE_FEATURES * self.evidence + self.calculator

    def sibling(self) -> ValueHead:
        """A new head of the same form."""
        return ValueHead(
            self.n_hidden,
            self.evidence,
            calculator=self.calculator,
            units=self.units,
            pooled_beside=self.pooled_beside,
        )

    def forward(self, hidden: Tensor, features: Tensor | None = None) -> Tensor:
        """
        Args:
            hidden: [S, H], or [S, 2H] with the means, any float dtype.
            features: [S, F], the language model's first; given if and only if the head was made
                with evidence.

        Returns:
            [S] float32 log-odds.
        """
        wanted = self.n_features > 0
        if (features is not None) != wanted:
            raise ValueError(f"features given: {features is not None}; expected: {wanted}")
        seen = self.dropout(hidden.float())
        if features is not None:
            features = features.float()
            if self.blind and self.training:
                seen, features = self._partly_blind(seen, features)
            seen = torch.cat((seen, features), dim=1)
        with torch.autocast(hidden.device.type, enabled=False):
            log_odds = functional.linear(seen, self.weight.float(), self.bias.float())
            if self.units and features is not None:
                inner = functional.linear(features, self.unit_weight, self.unit_bias)
                log_odds = log_odds + functional.linear(functional.gelu(inner), self.unit_out)
        return log_odds.squeeze(1)

    def _partly_blind(self, hidden: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Both inputs, with everything but the calculator's dropped in a share of the steps."""
        sees = torch.rand(len(hidden), 1, device=hidden.device) >= self.blind
        factor = sees / (1 - self.blind)
        n_own = N_EVIDENCE_FEATURES * self.evidence
        own, said = features[:, :n_own], features[:, n_own:]
        return hidden * factor, torch.cat((own * factor, said), dim=1)
