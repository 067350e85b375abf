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
"""Below it a token is simply impossible; a single one may not outweigh everything else."""

_LOGITS_AT_ONCE = 1 << 24
"""Bound on rows x vocabulary of one product with the LM head: 64 MiB of float32."""


def probability(log_odds: Tensor) -> Tensor:
    """Sigmoid in float32; the same shape, each in [0, 1]."""
    return torch.sigmoid(log_odds.float())


def token_log_probability(hidden: Tensor, head: Tensor, token_ids: Tensor) -> Tensor:
    """Log-probability of given tokens under the language model.

    The softmax is over the whole vocabulary, but only at the rows given, and a bounded number of
    rows at a time: logits of a whole sequence are never built.

    Args:
        hidden: [E, H], any float dtype; last layer, after the final norm, one token before each.
        head: [V, H]; the language-model head's weight (the embedding where they are tied).
        token_ids: [E] int64; the tokens.

    Returns:
        [E] float32 on hidden's device, each at most 0 up to rounding.
    """
    rows = max(1, _LOGITS_AT_ONCE // head.shape[0])
    parts = [hidden.new_zeros(0, dtype=torch.float32)]
    for start in range(0, len(hidden), rows):
        some = slice(start, start + rows)
        logits = functional.linear(hidden[some].to(head.dtype), head).float()  # [rows, V]
        chosen = logits.gather(1, token_ids[some, None]).squeeze(1)
        parts.append(chosen - logits.logsumexp(dim=1))
    return torch.cat(parts)


def token_log_odds(hidden: Tensor, head: Tensor, token_id: int, scale: float = 1.0) -> Tensor:
    """Log-odds of one token against all others of the vocabulary.

    The log-odds keep what ln p = 0 would lose when the token is all but certain.

    Args:
        hidden: [S, H], any float dtype; last layer, after the final norm, one token before.
        head: [V, H]; the language-model head's weight.
        token_id: in [0, V).
        scale: what the model multiplies its logits with.

    Returns:
        [S] float32 on hidden's device.
    """
    rows = max(1, _LOGITS_AT_ONCE // head.shape[0])
    parts = [hidden.new_zeros(0, dtype=torch.float32)]
    for some in hidden.to(head.dtype).split(rows):
        logits = functional.linear(some, head).float() * scale  # [rows, V]
        chosen = logits[:, token_id].clone()
        logits[:, token_id] = -torch.inf
        parts.append(chosen - logits.logsumexp(dim=1))
    return torch.cat(parts)


def evidence_features(log_p: Tensor, step: Tensor, n_steps: int) -> Tensor:
    """What a value head sees of the language model's own opinion of each step.

    The smallest log-probability finds the one digit that surprises, the mean tells how sure the
    model is in general, and the flag tells a step without such tokens from one that is certain.

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
    """Dropout, then one linear unit: hidden state (and evidence) → log-odds that a step is right.

    Starts at zero, so an untrained head says 0.5 of everything. Always computes in float32, inside
    autocast too.

    Attributes:
        n_hidden: H.
        evidence: whether the features of `evidence_features` are joined to the hidden state.
    """

    def __init__(self, n_hidden: int, evidence: bool = False, dropout: float = 0.1) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        self.evidence = evidence
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(torch.zeros(1, n_hidden + N_EVIDENCE_FEATURES * evidence))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, hidden: Tensor, features: Tensor | None = None) -> Tensor:
        """
        Args:
            hidden: [S, H], any float dtype.
            features: [S, 3]; given exactly when the head was made with `evidence`.

        Returns:
            [S] float32 log-odds.
        """
        if (features is not None) != self.evidence:
            raise ValueError(f"features given: {features is not None}; expected: {self.evidence}")
        seen = self.dropout(hidden.float())
        if features is not None:
            seen = torch.cat((seen, features.float()), dim=1)
        with torch.autocast(hidden.device.type, enabled=False):
            return functional.linear(seen, self.weight.float(), self.bias.float()).squeeze(1)
