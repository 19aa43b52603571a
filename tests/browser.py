"""A headless Chromium driven through its debugging pipe: pages opened, keys pressed, scripts asked."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")
SECONDS = 30.0
CODES = {"ArrowRight": 39, "ArrowLeft": 37, "Enter": 13, "Escape": 27, "Tab": 9}


def executable() -> str | None:
    """Return the browser that the environment names, or one that is on the path."""
    named = os.environ.get("TORCHLADDER_CHROMIUM")
    return named or next((found for n in NAMES if (found := shutil.which(n))), None)


class Browser:
    """One page of one browser."""

    def __init__(self, into: Any, out: Any) -> None:
        self._into, self._out, self._number, self._rest = into, out, 0, b""
        self._session: str | None = None
        self.dialogs: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command; dialogs that open meanwhile are noted and closed."""
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": parameters})
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            message = self._receive()
            if message.get("method") == "Page.javascriptDialogOpening":
                self.dialogs.append(message["params"]["message"])
                self._number += 1
                self._send({"id": self._number, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}})
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
        raise TimeoutError(method)

    def _send(self, message: dict[str, Any]) -> None:
        if self._session is not None:
            message["sessionId"] = self._session
        self._into.write(json.dumps(message).encode() + b"\0")
        self._into.flush()

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._out.fileno(), 1 << 16)
            assert part, "the browser is gone"
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(line))

    def attach(self) -> None:
        """Open a page to work with."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    def open(self, url: str) -> None:
        """Load a page and wait until its script is done."""
        self.call("Page.navigate", url=url)
        self.until("document.documentElement.dataset.ready === 'yes'")

    def reload(self) -> None:
        """Load the page again."""
        self.run("delete document.documentElement.dataset.ready")
        self.call("Page.reload")
        self.until("document.documentElement.dataset.ready === 'yes'")

    def run(self, script: str) -> Any:
        """Return the value of an expression on the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression holds."""
        end = time.monotonic() + SECONDS
        while not self.run(script):
            assert time.monotonic() < end, script
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a person does."""
        for key in keys:
            text = {} if len(key) > 1 else {"text": key}
            text = {"text": "\r"} if key == "Enter" else text
            code = CODES.get(key, ord(key[0].upper()))
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def size(self, width: int, height: int) -> None:
        """Give the window a size."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def dark(self) -> None:
        """Ask for dark colours."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def screenshot(self, file: Path) -> None:
        """Write what the window shows."""
        import base64

        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Give a browser that is gone afterwards."""
    program = executable()
    assert program is not None
    command_in, command_out = os.pipe()
    answer_in, answer_out = os.pipe()
    shell = f'exec "$0" "$@" 3<&{command_in} 4>&{answer_out}'
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        ["bash", "-c", shell, program, *flags], pass_fds=(command_in, answer_out), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(command_in)
    os.close(answer_out)
    with os.fdopen(command_out, "wb") as into, os.fdopen(answer_in, "rb") as out:
        try:
            made = Browser(into, out)
            made.attach()
            yield made
        finally:
            process.terminate()
            process.wait(SECONDS)


def loaded(page: Path, *, width: int = 1400, height: int = 3000) -> tuple[str, list[str]]:
    """Return the document of a file after its scripts have run, and what the console said."""
    program = executable()
    assert program is not None
    command = [
        program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0", "--dump-dom",
        f"--window-size={width},{height}", "--virtual-time-budget=4000", f"file://{page}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout, [row for row in done.stderr.splitlines() if ":CONSOLE" in row]
