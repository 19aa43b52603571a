"""Names that would be markup, script or escapes anywhere they were not text."""

from pathlib import Path

import numpy as np

from torchladder.mistakes.predictions import Predictions

PAYLOADS = (
    "<script>pwned=1</script>",
    "</script><script>pwned=1</script>",
    "<img src=x onerror=pwned=1>",
    "<svg onload=pwned=1>",
    '"><script>pwned=1</script>',
    "' onmouseover='pwned=1",
    "<iframe src=javascript:pwned=1>",
    "javascript:pwned=1",
    "<!--<script>",
    "--><script>pwned=1</script>",
    "]]><script>pwned=1</script>",
    "${pwned=1}",
    "{{pwned=1}}",
    "{style}{script}{data}",
    "\\u003cscript\\u003epwned=1",
    "&lt;script&gt;pwned=1&lt;/script&gt;",
    "<a href=javascript:pwned=1>here</a>",
    "__proto__",
    "constructor",
    "<style>*{display:none}</style>",
    "</title><script>pwned=1</script>",
    "%3Cscript%3Epwned=1%3C/script%3E",
)


def hostile(folder: Path) -> Predictions:
    """Return predictions whose every word is one of the payloads, each of which goes wrong once at least."""
    k = len(PAYLOADS)
    truth = np.arange(4 * k) % k
    guess = np.where(np.arange(4 * k) < 2 * k, (truth + 1) % k, truth)
    words = tuple(PAYLOADS[i % k] for i in range(4 * k))
    return Predictions(
        str(folder), words, np.arange(4 * k), PAYLOADS, truth, guess,
        groups=np.array(words[::-1], dtype=object), texts=words, paths=None,
    )  # fmt: skip
