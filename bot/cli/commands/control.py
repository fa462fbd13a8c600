"""`sigma status | pause | resume | close | stop | sign-in`: talk to a running daemon through its loopback port."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Annotated, Any

import typer

from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.output import emit
from storage.terminal.times import minute_of
from strategies.errors import BadInput, SigmaError

with lazily():
    from bot.cli.commands.status_text import status_text
    from bot.telegram.pairing import written_code
    from bot.web.token import known_token
    from storage.config.tree import Config

app = typer.Typer(add_completion=False, help="Talk to a running daemon.")
TIMEOUT_S = 80


class NoDaemon(SigmaError):
    """Nothing listens at the control port of this configuration."""


@app.command()
def status(
    symbol: Annotated[str | None, typer.Argument(help="Only markets whose name has this in it.")] = None,
) -> None:
    """Say what a running daemon is doing: the account, its book, then its markets where they are few.

    Example: sigma status
    """
    config = load()
    document = ask(config, "GET", "/api/status")
    emit(document, lambda: status_text(document, symbol or "", _curve(config)))


@app.command()
def pause() -> None:
    """Take no new entries; exits go on.

    Example: sigma pause
    """
    _command("/api/pause", {}, "paused: no new entries until `sigma resume`")


@app.command()
def resume() -> None:
    """Take entries again.

    Example: sigma resume
    """
    _command("/api/resume", {}, "resumed")


@app.command()
def close(symbol: Annotated[str, typer.Argument(help="A market, or `all`.")]) -> None:
    """Close a position at the next open, or all of them.

    Example: sigma close BTCUSDT
    """
    document = {} if symbol == "all" else {"symbol": symbol}
    _command("/api/close", document, f"closing {symbol} at the next open")


@app.command()
def stop(
    daemon: Annotated[bool, typer.Option("--daemon", help="Stop the daemon itself; positions stay open.")] = False,
) -> None:
    """Kill switch: close every position and take no entries. With --daemon: stop the program in order.

    Example: sigma stop
    """
    if daemon:
        _command("/api/shutdown", {}, "the daemon is stopping; positions stay open")
    else:
        _command("/api/stop", {}, "closing everything at the next open; no entries until `sigma resume`")


@app.command()
def unlock() -> None:
    """Lift the protections that only a person may lift.

    Example: sigma unlock
    """
    _command("/api/unlock", {}, "unlocked")


@app.command()
def cancel(
    run: Annotated[str | None, typer.Argument(help="A run of the dashboard; without one, the training.")] = None,
) -> None:
    """End the running training, or a run; what it has learned is lost, and the bundle that decides goes on.

    Example: sigma cancel
    """
    if run:
        _command("/api/runs/cancel", {"id": run}, f"{run} is being ended")
    else:
        _command("/api/training/cancel", {}, "the training is being ended; the bundle that decides goes on")


@app.command("sign-in")
def sign_in() -> None:
    """Print a link that signs one browser in to the dashboard, once, within ten minutes.

    Example: sigma sign-in
    """
    config = load()
    answer = ask(config, "POST", "/api/session/ticket", {})
    link = f"{config.web.address()}{answer['path']}"
    emit({"link": link}, link)


@app.command()
def share(
    days: Annotated[int, typer.Option(min=1, max=90, help="Days for which the link lets look.")] = 7,
    end: Annotated[str | None, typer.Option(metavar="LINK", help="End this link instead.")] = None,
) -> None:
    """Print a link that lets whoever has it look at the dashboard, and change nothing.

    Example: sigma share --days 3
    """
    config = load()
    if end:
        ask(config, "POST", "/api/session/share/end", {"path": end})
        emit({"ended": end}, "the link is ended, and so is every browser that followed it")
        return
    answer = ask(config, "POST", "/api/session/share", {"days": days})
    link = f"{config.web.address()}{answer['path']}"
    until = minute_of(answer["until_ms"])
    lines = [link, "", f"it lets look, and change nothing, until {until} UTC"]
    if config.web.is_loopback:
        lines.append(
            "only this machine reaches that address; [web] host or a proxy with https lets others (docs/security.md)"
        )
    emit({"link": link, "until_ms": answer["until_ms"]}, "\n".join(lines))


@app.command()
def pair() -> None:
    """Print the code that lets a Telegram chat in: send `/pair CODE` to the bot from it.

    Example: sigma pair
    """
    code = written_code(load().paths.state)
    if code is None:
        raise BadInput(
            "no code is waiting: a chat is known already (send /invite from it), or no daemon with Telegram runs"
        )
    emit({"code": code}, f"send this to the bot:  /pair {code}")


def ask(config: Config, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send one request to the daemon of this configuration.

    Raises:
        NoDaemon: none is running there.
        BadInput: it refused.
    """
    url = f"{config.web.address()}{config.account_path}{path}"
    token = known_token(config.web.token, config.paths.state)
    headers = {"User-Agent": "sigma", "Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    content = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, data=content, method=method, headers=headers)
    try:
        with _direct().open(request, timeout=TIMEOUT_S) as response:
            return dict(json.load(response))
    except urllib.error.HTTPError as error:
        raise BadInput(_detail(error)) from error
    except OSError as error:
        cause = getattr(error, "reason", error)
        why = getattr(cause, "strerror", None) or str(cause)
        address = config.web.address()
        raise NoDaemon(f"no daemon answers at {address} ({why.lower()}); start one with `sigma run`") from error


def _direct() -> urllib.request.OpenerDirector:
    """Return a client that asks the daemon itself: no proxy is shown the token, no redirect leads it elsewhere."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error).get("detail", error.reason))
    except ValueError:
        return f"the daemon answered {error.code} {error.reason}"


def _command(path: str, document: dict[str, Any], said: str) -> None:
    answer = ask(load(), "POST", path, document)
    emit(answer, said)


def _curve(config: Config) -> list[float]:
    """Return the equity since the account began; nothing where it cannot be had."""
    try:
        return [point["equity"] for point in ask(config, "GET", "/api/performance")["points"]]
    except (SigmaError, KeyError):
        return []
