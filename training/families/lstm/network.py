"""The recurrent network: an input projection, stacked single-layer LSTMs, three heads, and the loss on them.

Time-major everywhere: the recurrence walks the first axis, which is the faster layout on CPU and on cuDNN. Layers are
stacked by hand, with dropout between them, because cuDNN's persistent kernels want single layers of at most 128 units.
Knows nothing of candles, chunks or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

HEADS: Final = 3  # scaled return over the horizon, over twice the horizon, log realised volatility
DIRECTIONAL_HEADS: Final = 2  # the first two change their sign in the mirror

State = Sequence[tuple[Tensor, Tensor]]  # per layer (hidden, cell), each (1, batch, hidden_size)


class LstmNetwork(nn.Module):
    """Many-to-many LSTM: an estimate for every bar of a sequence.

    Args:
        features: number of input columns.
        hidden_size: units of the projection and of each layer.
        num_layers: stacked layers, >= 1.
        dropout: share of units silenced before, between and after the layers while training.
    """

    def __init__(self, *, features: int, hidden_size: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(features, hidden_size)
        self.layers = nn.ModuleList(nn.LSTM(hidden_size, hidden_size) for _ in range(num_layers))
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(hidden_size, HEADS)
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Return the heads of every bar, (time, batch, HEADS), and the state after the last bar.

        Args:
            inputs: (time, batch, features), standardised.
            state: where to start from; zeros where None.
        """
        values = torch.tanh(self.project(inputs))
        states = []
        for index, layer in enumerate(self.layers):
            values, after = layer(self.dropout(values), None if state is None else state[index])
            states.append(after)
        return self.heads(self.dropout(values)), states


def mirror(inputs: Tensor, directional: Tensor) -> Tensor:
    """Return the same market upside down: directional columns (features,) bool with their sign changed."""
    return torch.where(directional, -inputs, inputs)


def dense_loss(estimates: Tensor, targets: Tensor, labelled: Tensor, volatility_weight: float) -> Tensor:
    """Return the weighted loss over every labelled bar: squared error for returns, Huber for log volatility.

    Args:
        estimates: (time, batch, HEADS).
        targets: (time, batch, HEADS); any finite number where there is no label.
        labelled: (time, batch, HEADS) 0 or 1.
        volatility_weight: weight of the last head; the returns have 1 each.
    """
    squared = (estimates - targets) ** 2
    huber = nn.functional.smooth_l1_loss(estimates, targets, reduction="none")
    is_return = torch.arange(HEADS, device=targets.device) < DIRECTIONAL_HEADS
    errors = torch.where(is_return, squared, huber) * labelled
    means = errors.sum((0, 1)) / labelled.sum((0, 1)).clamp(min=1.0)
    return means[:DIRECTIONAL_HEADS].sum() + volatility_weight * means[DIRECTIONAL_HEADS:].sum()


def estimate(network: LstmNetwork, inputs: Tensor, directional: Tensor | None) -> Tensor:
    """Return heads of every bar, (time, batch, HEADS); averaged with the mirror image's if `directional` is given."""
    if directional is None:
        found: Tensor = network(inputs)[0]
        return found
    both, _ = network(torch.cat([inputs, mirror(inputs, directional)], dim=1))
    return fold_mirror(both, inputs.shape[1])


def fold_mirror(both: Tensor, batch: int) -> Tensor:
    """Return ½(f(x) ∓ f(mirror x)) of heads whose batch axis holds the market and then its mirror image."""
    upright, mirrored = both[:, :batch], both[:, batch:]
    signs = torch.tensor([-1.0] * DIRECTIONAL_HEADS + [1.0] * (HEADS - DIRECTIONAL_HEADS), device=both.device)
    return 0.5 * (upright + signs * mirrored)
