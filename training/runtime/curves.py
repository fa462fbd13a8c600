"""TensorBoard's event files for trainers without torch, whose own writer would load all of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from storage.lazy import lazily

with lazily():
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter


class Curves:
    """Writes scalars under a folder; use as a context manager.

    Args:
        folder: one run; `tensorboard --logdir` is given its parent.
        start_s: seconds since the epoch from which the axis "wall time" counts.
    """

    def __init__(self, folder: Path, start_s: float = 0.0) -> None:
        self._writer = EventFileWriter(str(folder))
        self._offset_s = start_s - time.perf_counter()

    def __enter__(self) -> Curves:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of one step, such as {"loss/valid": 0.9}."""
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        wall_time = self._offset_s + time.perf_counter()
        self._writer.add_event(Event(wall_time=wall_time, step=step, summary=Summary(value=scalars)))
