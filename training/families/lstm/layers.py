"""Sequence layers between projection and heads: LSTM, GRU, causal convolutions, windowed attention; one interface.

A layer maps (bars, batch, units) to the same shape and carries a state of `rows` x (batch, units) from bar to bar, so
that a score can be had bar by bar from any of them. A state of zeros is where every chunk and every block begins.
Knows nothing of candles, chunks or files.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

KINDS: Final = ("lstm", "gru", "tcn", "transformer")
TAPS: Final = 3  # of a convolution
DILATIONS: Final = (1, 2, 4, 8, 16)  # together they look 63 bars back
WINDOW: Final = 64  # bars that attention sees, the newest among them
BLOCKS: Final = 2  # of attention
ATTENTION_HEADS: Final = 4

State = tuple[Tensor, Tensor]  # hidden (rows, batch, units), cell of the same shape for the LSTM


class GruLayer(nn.Module):
    """A gated recurrent unit; Cho et al. 2014."""

    rows = 1

    def __init__(self, units: int) -> None:
        super().__init__()
        self.gru = nn.GRU(units, units)

    def forward(self, values: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the values of every bar and the state after the last."""
        after, hidden = self.gru(values, None if state is None else state[0])
        return after, (hidden, hidden)


class ConvolutionLayer(nn.Module):
    """A dilated causal convolution behind a norm, added to what came in; Bai et al. 2018."""

    def __init__(self, units: int, dilation: int) -> None:
        super().__init__()
        self.rows, self._dilation = (TAPS - 1) * dilation, dilation
        self.norm = nn.LayerNorm(units)
        self.taps = nn.ModuleList(nn.Linear(units, units, bias=tap == 0) for tap in range(TAPS))

    def forward(self, values: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the values of every bar and the last `rows` inputs."""
        seen = torch.cat([_before(self.rows, values, state), values])
        normed = self.norm(seen)
        bars = values.shape[0]
        total = self.taps[0](normed[:bars])
        for tap in range(1, TAPS):
            total = total + self.taps[tap](normed[tap * self._dilation : tap * self._dilation + bars])
        return values + nn.functional.gelu(total), (seen[-self.rows :], seen[-self.rows :])


class AttentionLayer(nn.Module):
    """Causal attention over the last `WINDOW` bars with a learnt bias for each lag, then a small dense layer."""

    rows = WINDOW - 1

    def __init__(self, units: int) -> None:
        super().__init__()
        self._heads = ATTENTION_HEADS if units % ATTENTION_HEADS == 0 else 1
        self.norm, self.dense_norm = nn.LayerNorm(units), nn.LayerNorm(units)
        self.query, self.key, self.value = (nn.Linear(units, units) for _ in range(3))
        self.join = nn.Linear(units, units)
        self.dense = nn.Sequential(nn.Linear(units, 2 * units), nn.GELU(), nn.Linear(2 * units, units))
        self.lag_bias = nn.Parameter(torch.zeros(WINDOW, self._heads))

    def forward(self, values: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the values of every bar and the last `rows` inputs."""
        seen = torch.cat([_before(self.rows, values, state), values])
        normed = self.norm(seen)
        asked, keys, held = (
            self._split(layer(part))
            for layer, part in ((self.query, normed[self.rows :]), (self.key, normed), (self.value, normed))
        )
        lag = (torch.arange(values.shape[0], device=values.device)[:, None] + self.rows) - torch.arange(
            seen.shape[0], device=values.device
        )
        inside = (lag >= 0) & (lag < WINDOW)
        bias = self.lag_bias[lag.clamp(0, WINDOW - 1)].permute(2, 0, 1)
        similarity = asked @ keys.transpose(-1, -2) / keys.shape[-1] ** 0.5 + bias
        shares = torch.softmax(similarity.masked_fill(~inside, -1e9), dim=-1)
        joined = (shares @ held).permute(2, 0, 1, 3).flatten(2)
        after = values + self.join(joined)
        return after + self.dense(self.dense_norm(after)), (seen[-self.rows :], seen[-self.rows :])

    def _split(self, values: Tensor) -> Tensor:
        """Return (batch, heads, bars, units of a head)."""
        found: Tensor = values.unflatten(2, (self._heads, -1)).permute(1, 2, 0, 3)
        return found


def layers_of(kind: str, units: int, count: int) -> list[nn.Module]:
    """Return the layers of a kind; `count` is of the recurrent ones, the others know their own depth."""
    match kind:
        case "lstm":
            return [nn.LSTM(units, units) for _ in range(count)]
        case "gru":
            return [GruLayer(units) for _ in range(count)]
        case "tcn":
            return [ConvolutionLayer(units, dilation) for dilation in DILATIONS]
        case "transformer":
            return [AttentionLayer(units) for _ in range(BLOCKS)]
        case _:
            raise ValueError(f"kind of network is {kind!r}; one of {', '.join(KINDS)} is needed")


def rows_of(layer: nn.Module) -> int:
    """Return how many rows of units a layer carries from bar to bar."""
    return 1 if isinstance(layer, nn.LSTM) else int(layer.rows)  # type: ignore[arg-type]


def _before(rows: int, values: Tensor, state: State | None) -> Tensor:
    return values.new_zeros((rows, *values.shape[1:])) if state is None else state[0]
