"""The sequence network: an input projection, layers, a head for each horizon's return and one for the volatility.

Time-major everywhere: the recurrence walks the first axis, which is the faster layout on CPU and on cuDNN. Layers are
stacked by hand, with dropout between them, because cuDNN's persistent kernels want single layers of at most 128 units.
Knows nothing of candles, chunks or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from training.families.lstm.layers import layers_of

RETURNS: Final = 2  # heads of returns, where nothing else is said; they change their sign in the mirror

State = Sequence[tuple[Tensor, Tensor]]  # per layer (hidden, cell), each (rows, batch, hidden_size)


class LstmNetwork(nn.Module):
    """Many-to-many network: an estimate for every bar of a sequence.

    Args:
        features: number of input columns.
        hidden_size: units of the projection and of each layer.
        num_layers: stacked layers, >= 1.
        dropout: share of units silenced before, between and after the layers while training.
        kind: of the layers; see `layers.py`.
        returns: heads of scaled forward returns; one more estimates the logarithm of the volatility to come.
    """

    def __init__(
        self,
        *,
        features: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        kind: str = "lstm",
        returns: int = RETURNS,
    ) -> None:
        super().__init__()
        self.project = nn.Linear(features, hidden_size)
        self.layers = nn.ModuleList(layers_of(kind, hidden_size, num_layers))
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(hidden_size, returns + 1)
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Return the heads of every bar, (time, batch, heads), and the state after the last bar.

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
        estimates: (time, batch, heads).
        targets: (time, batch, heads); any finite number where there is no label.
        labelled: (time, batch, heads) 0 or 1.
        volatility_weight: weight of the last head; the returns have 1 each.
    """
    squared = (estimates - targets) ** 2
    huber = nn.functional.smooth_l1_loss(estimates, targets, reduction="none")
    returns = targets.shape[-1] - 1
    is_return = torch.arange(returns + 1, device=targets.device) < returns
    errors = torch.where(is_return, squared, huber) * labelled
    means = errors.sum((0, 1)) / labelled.sum((0, 1)).clamp(min=1.0)
    return means[:returns].sum() + volatility_weight * means[returns:].sum()


def estimate(network: LstmNetwork, inputs: Tensor, directional: Tensor | None) -> Tensor:
    """Return heads of every bar, (time, batch, heads); averaged with the mirror image's if `directional` is given."""
    if directional is None:
        found: Tensor = network(inputs)[0]
        return found
    both, _ = network(torch.cat([inputs, mirror(inputs, directional)], dim=1))
    return fold_mirror(both, inputs.shape[1])


def fold_mirror(both: Tensor, batch: int) -> Tensor:
    """Return ½(f(x) ∓ f(mirror x)) of heads whose batch axis holds the market and then its mirror image."""
    upright, mirrored = both[:, :batch], both[:, batch:]
    signs = torch.tensor([-1.0] * (both.shape[-1] - 1) + [1.0], device=both.device)
    return 0.5 * (upright + signs * mirrored)
