"""Traces of the main path, for whoever runs a collector: where the time of an account minute went.

    account minute
        candles    from its first candle to its last
        engine     settled; at a decision also `features` and `scores`
        commit     one transaction
        publish    the snapshot, to dashboard, Telegram, logs
        alert      each delivery, whenever it happens

Off unless `[tracing] endpoint` names a collector: then a span is nothing at all, and OpenTelemetry is not loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from typing import Any, Final, TypeVar

from bot.clock import wall_ms
from storage.config.services import TracingSettings
from storage.lazy import lazily
from strategies.errors import BadInput

with lazily():
    from opentelemetry.context import get_current
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

SCOPE: Final = "sigma"
NS: Final = 1_000_000  # of a millisecond
MOST_ALERTS: Final = 1_000  # whose minute is remembered until they are delivered
EXPORT_S: Final = 2.0  # for a collector to answer; a stop waits no longer
Value = str | int | float | bool
T = TypeVar("T")


class AccountTraces:
    """Spans of one account's minutes; without a tracer there are none."""

    def __init__(self, tracer: Any | None, account: str, gathered_ms: Callable[[], int]) -> None:
        """Build it.

        Args:
            tracer: of OpenTelemetry; None: off.
            account: named on every span.
            gathered_ms: wall time from the first candle of the latest minute to its last.
        """
        self._tracer = tracer
        self._account = account
        self._gathered_ms = gathered_ms
        self._minutes: dict[str, Any] = {}  # by alert, the context of the minute that wrote it

    def span(self, name: str, **attributes: Value) -> AbstractContextManager[Any]:
        """Return the span of a block, within the one that is open."""
        if self._tracer is None:
            return nullcontext()
        found: AbstractContextManager[Any] = self._tracer.start_as_current_span(name, attributes=attributes)
        return found

    @contextmanager
    def minute(self, minute_ms: int) -> Iterator[None]:
        """Trace an account minute from its first candle on."""
        if self._tracer is None:
            yield
            return
        now_ns = wall_ms() * NS
        began_ns = now_ns - self._gathered_ms() * NS
        attributes = {"account": self._account, "minute_ms": minute_ms}
        with self._tracer.start_as_current_span("account minute", start_time=began_ns, attributes=attributes):
            self._tracer.start_span("candles", start_time=began_ns).end(now_ns)
            yield

    def carried(self, function: Callable[..., T]) -> Callable[..., T]:
        """Return a function that goes on in the open span, whichever thread calls it."""
        if self._tracer is None:
            return function
        context = copy_context()
        return lambda *arguments: context.run(function, *arguments)

    def told(self, keys: Sequence[str]) -> None:
        """Note that the open minute wrote alerts: their deliveries belong to it."""
        if self._tracer is None or not keys:
            return
        self._minutes |= dict.fromkeys(keys, get_current())
        while len(self._minutes) > MOST_ALERTS:
            del self._minutes[next(iter(self._minutes))]

    def delivery(self, key: str, channel: str, event: str) -> AbstractContextManager[Any]:
        """Return the span of an alert's delivery, within the minute that wrote it where that is known."""
        if self._tracer is None:
            return nullcontext()
        attributes = {"account": self._account, "key": key, "channel": channel, "event": event}
        within = self._minutes.get(key)
        found: AbstractContextManager[Any]
        found = self._tracer.start_as_current_span("alert", context=within, attributes=attributes)
        return found


OFF: Final = AccountTraces(None, "", lambda: 0)


class Tracing:
    """The tracer provider of a daemon, or none."""

    def __init__(self, provider: Any | None = None) -> None:
        """Build it.

        Args:
            provider: an OpenTelemetry `TracerProvider`; None: off.
        """
        self._provider = provider

    @property
    def is_on(self) -> bool:
        """Whether spans are made."""
        return self._provider is not None

    def of(self, account: str, gathered_ms: Callable[[], int]) -> AccountTraces:
        """Return the traces of an account."""
        tracer = None if self._provider is None else self._provider.get_tracer(SCOPE)
        return AccountTraces(tracer, account, gathered_ms)

    def close(self) -> None:
        """Send what is left; a collector that is away keeps nobody."""
        if self._provider is not None:
            self._provider.shutdown()


def open_tracing(settings: TracingSettings, service: str) -> Tracing:
    """Return the tracing of a configuration.

    Args:
        settings: `[tracing]`.
        service: by which the collector's lists show this program.

    Raises:
        BadInput: an endpoint is named, and OpenTelemetry is not installed.
    """
    if not settings.endpoint:
        return Tracing()
    try:
        return Tracing(_provider(settings, service))
    except ImportError as error:
        needed = "pip install 'sigma-analyst[tracing]' brings it"
        raise BadInput(f"[tracing] endpoint is {settings.endpoint}, but OpenTelemetry is not here; {needed}") from error


def _provider(settings: TracingSettings, service: str) -> TracerProvider:
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}), sampler=ParentBased(TraceIdRatioBased(settings.share))
    )
    exporter = OTLPSpanExporter(endpoint=f"{settings.endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
