"""A headless Chromium for tests: what a page draws, says on the console, and becomes when its script has run."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def opened(page: Path, *, width: int = 1400, height: int = 3000, picture: Path | None = None) -> tuple[str, list[str]]:
    """Return the document after its scripts have run, and what the console said."""
    assert CHROMIUM is not None
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
        f"--window-size={width},{height}", "--virtual-time-budget=4000", "--hide-scrollbars",
    ]  # fmt: skip
    what = [f"--screenshot={picture}"] if picture else ["--dump-dom"]
    done = subprocess.run([*command, *what, f"file://{page}"], capture_output=True, text=True, timeout=120, check=False)
    said = [row for row in done.stderr.splitlines() if re.search(r":CONSOLE", row)]
    return done.stdout, said
