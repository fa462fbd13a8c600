"""Pictures of the documentation, from those that the browser tests took: `make screenshots`.

python -m pytest tests/browser && python -m tests.browser.documentation
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PIL import Image

from tests.browser.stage import SCREENSHOTS

KEPT: Final = Path(__file__).parents[2] / "docs" / "screenshots"
WIDTH: Final = 1280
TALLEST: Final = 1100  # pixels: a page goes on below, a picture need not
PICTURES: Final = {
    "overview-dark": "overview-1440-dark",
    "overview-light": "overview-1440-light",
    "overview-phone": "overview-390-dark",
    "overview-tr": "tr-overview",
    "market": "markets-BTCUSDT-1440-dark",
    "trade": "trade-1440-light",
    "models": "models-learning",
    "bundle": "bundle-inside",
    "report": "report-1440-light",
}


def main() -> None:
    """Write every picture as WebP."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, taken in PICTURES.items():
        with Image.open(SCREENSHOTS / f"{taken}.png") as picture:
            small = picture.convert("RGB")
            if small.width > WIDTH:
                small = small.resize((WIDTH, round(small.height * WIDTH / small.width)), Image.Resampling.LANCZOS)
            small.crop((0, 0, small.width, min(small.height, TALLEST))).save(
                KEPT / f"{name}.webp", quality=82, method=6
            )


if __name__ == "__main__":
    main()
