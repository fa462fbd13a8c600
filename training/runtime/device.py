"""Device: where networks are trained, the CPU, or a CUDA card where one is present and asked for.

Asking for `auto` takes the card if there is one and says so; asking for `cuda` without one is an error that names
what was found. Knows nothing of models.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from strategies.errors import BadInput

DeviceRequest = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A chosen device: its torch type, the name of the hardware and the CPU threads torch uses."""

    kind: Literal["cpu", "cuda"]
    name: str
    threads: int

    @property
    def torch(self) -> torch.device:
        return torch.device(self.kind)

    def __str__(self) -> str:
        if self.kind == "cuda":
            return f"cuda ({self.name})"
        return f"cpu ({self.name}, {self.threads} thread{'s' if self.threads != 1 else ''})"


def choose(requested: DeviceRequest = "auto", *, threads: int = 1) -> Device:
    """Choose the device to train on and set the number of threads torch uses in this process.

    Args:
        requested: `auto` takes a CUDA card where present.
        threads: CPU threads, >= 1. More than one changes the order of sums, hence the bits of a model.

    Raises:
        BadInput: `cuda` was asked for and there is none, or `threads` is not positive.
    """
    if threads < 1:
        raise BadInput(f"threads is {threads}; a number >= 1 is needed")
    if requested == "cuda" and not torch.cuda.is_available():
        raise BadInput(f"device cuda was asked for; found {_why_no_card()}; use --device cpu or auto")
    torch.set_num_threads(threads)
    if requested == "cpu" or (card := card_name()) is None:
        return Device(kind="cpu", name=_processor_name(), threads=threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its bits only with a fixed workspace
    return Device(kind="cuda", name=card, threads=threads)


def card_name() -> str | None:
    """Return the name of the CUDA card that `auto` would take; None: there is none."""
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _why_no_card() -> str:
    if torch.version.cuda is None:
        return f"torch {torch.__version__}, a build without CUDA"
    return f"torch {torch.__version__} for CUDA {torch.version.cuda}, which sees {torch.cuda.device_count()} cards"


def _processor_name() -> str:
    description = Path("/proc/cpuinfo")
    if description.is_file():
        for line in description.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
