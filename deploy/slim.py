"""Takes out of the image `bot` what no daemon reads: python slim.py SITE_PACKAGES [--only-list]

Whole parts of packages that are never imported there, sources of what is compiled, languages that are not spoken, and
symbols of shared libraries that only a debugger reads. Each with its reason; tests/house/test_slim.py runs the daemon's
imports without them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SPARE = {  # pattern below site-packages: why nobody misses it
    "**/tests": "tests of libraries",
    "**/*.[ch]": "sources of what is compiled",
    "**/*.cpp": "sources of what is compiled",
    "**/*.py[xi]": "sources of what is compiled, and stubs",
    "**/*.px[di]": "sources of what is compiled",
    "**/*.hpp": "sources of what is compiled",
    "pyarrow/include": "headers",
    "pyarrow/libarrow_flight*": "a network protocol; nothing links it but its own module",
    "pyarrow/libarrow_python_flight*": "the same",
    "pyarrow/_flight*": "the same",
    "pyarrow/libarrow_s3*": "buckets: candles lie in folders",
    "pyarrow/_s3fs*": "the same",
    "onnxruntime/capi/libonnxruntime.so.*": "for C programs; Python's module has it all",
    "onnxruntime/transformers": "makes models smaller, before they are used",
    "onnxruntime/quantization": "the same",
    "onnxruntime/tools": "the same",
    "ccxt/test": "tests of libraries",
    "ccxt/prediction": "no exchange",
    "pip": "nothing is installed later",
    "setuptools": "nothing is installed later",
}
SPOKEN = {"root", "en", "en_US", "en_GB", "tr", "tr_TR"}  # of babel's locales
FONT_TOOLS = {"__init__", "agl", "misc", "version"}  # the rest is for PDF and PostScript; the bot draws PNG
SCIPY = {  # what xgboost loads of it, with what these load; see the test
    "_build_utils",
    "_cyutility",
    "_distributor_init",
    "_external",
    "_lib",
    "constants",
    "linalg",
    "sparse",
    "special",
    "version",
    "__config__",
    "__init__",
}


def spare(packages: Path) -> list[tuple[Path, str]]:
    """Return what may go, with the reason; nothing inside of what is named already."""
    found: dict[Path, str] = {}
    for pattern, why in SPARE.items():
        found |= dict.fromkeys(packages.glob(pattern), why)
    for path in packages.glob("babel/locale-data/*.dat"):
        if path.stem not in SPOKEN:
            found[path] = "a language that is not spoken here"
    for path in packages.glob("fontTools/*"):
        if path.name.split(".")[0] not in FONT_TOOLS:
            found[path] = "for PDF and PostScript; the bot draws PNG"
    for path in packages.glob("scipy/*"):
        if path.name.split(".")[0] not in SCIPY:
            found[path] = "xgboost needs its sparse matrices"
    return [(path, why) for path, why in found.items() if not any(parent in found for parent in path.parents)]


def strip(packages: Path) -> None:
    """Take symbols out of shared libraries, but not out of those that wheels bring from elsewhere (`NAME.libs`): these
    were rewritten when they were packed, and do not load any more when they are rewritten again.
    """
    for path in [*packages.rglob("*.so"), *packages.rglob("*.so.*")]:
        if path.relative_to(packages).parts[0].endswith(".libs"):
            continue
        subprocess.run(["strip", "--strip-unneeded", str(path)], check=False, stderr=subprocess.DEVNULL)


def main() -> None:
    """Do it, or say what would be done."""
    packages = Path(sys.argv[1])
    for path, why in spare(packages):
        if "--only-list" in sys.argv:
            print(f"{path.relative_to(packages)}: {why}")
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    if "--only-list" not in sys.argv:
        strip(packages)


if __name__ == "__main__":
    main()
