"""Writes the digests of the images in Dockerfile and compose.yaml behind their tags: a moved tag changes nothing.

    make pin-images        asks the registries through `docker buildx imagetools`; run it again for newer images

Dependabot and Renovate read the form it writes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

FILES = ("Dockerfile", "compose.yaml")
IMAGE = re.compile(
    r"^(?P<before>FROM |ARG \w+=|\s*image: )(?P<name>[\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?", re.MULTILINE
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def pinned(text: str, digest_of: Callable[[str], str]) -> str:
    """Return a file's text with a digest behind every image that has a tag."""
    return IMAGE.sub(lambda found: f"{found['before']}{found['name']}@{digest_of(found['name'])}", text)


def asked(name: str) -> str:
    """Return the digest that the registry has for a name now.

    Raises:
        SystemExit: docker is missing, or the registry does not answer with one.
    """
    words = ["docker", "buildx", "imagetools", "inspect", name, "--format", "{{.Manifest.Digest}}"]
    try:
        answer = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[0]
        raise SystemExit(
            f"pin-images: no digest of {name} could be had ({said}); docker with buildx and a way to the registry are "
            "needed; nothing was written"
        ) from error
    if not DIGEST.fullmatch(answer):
        raise SystemExit(f"pin-images: {name}: the registry answered {answer[:80]!r}; a sha256 digest is needed")
    return answer


def main(folder: Path) -> None:
    """Pin both files, or none."""
    texts = {folder / name: pinned((folder / name).read_text(), asked) for name in FILES}
    for path, text in texts.items():
        path.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
