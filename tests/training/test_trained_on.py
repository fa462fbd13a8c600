"""A bundle's run record names the device that each family was really trained on."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from storage.config.tree import Config  # noqa: E402
from training.commands._common import trained_on  # noqa: E402
from training.ensemble.voters import makers  # noqa: E402


def place(config: Config, *names: str) -> str:
    return trained_on(config, [makers(config, 1)[name]() for name in names])


def config_of(device: str) -> Config:
    config = Config()
    return config.model_copy(update={"training": config.training.model_copy(update={"device": device, "threads": 2})})


def test_without_a_card_auto_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert place(config_of("auto"), "xgboost", "lstm", "ridge", "ppo") == "cpu, 2 threads"


def test_with_a_card_auto_puts_the_lstm_on_it_and_leaves_ppo_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Fast Card")
    assert place(config_of("auto"), "xgboost", "lstm", "ppo") == "cpu, 2 threads; lstm on cuda (Fast Card)"
    assert place(config_of("cuda"), "lstm", "ppo") == "cpu, 2 threads; lstm, ppo on cuda (Fast Card)"
    assert place(config_of("cpu"), "lstm", "ppo") == "cpu, 2 threads"
    assert place(config_of("auto"), "xgboost", "ridge") == "cpu, 2 threads"
