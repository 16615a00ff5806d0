"""A real Chromium without a window, spoken to by its own protocol (CDP)."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websocket

STARTS_S = 60.0
ANSWERS_S = 60.0
NAMES = ("chromium", "chromium-browser", "google-chrome")


class Tab:
    """The one tab of a browser."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=ANSWERS_S, suppress_origin=True)
        self._numbers = itertools.count(1)

    def send(self, method: str, **values: Any) -> dict[str, Any]:
        """What the browser answers to a command; events are passed over."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": values}))
        while True:
            told = json.loads(self._socket.recv())
            if told.get("id") == number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    def look_as(self, width: int, height: int, *, scheme: str) -> None:
        """Be a screen of this size, light or dark."""
        is_phone = width < 600
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone
        )
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def value(self, script: str) -> Any:
        """What a JavaScript expression is."""
        told = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + ANSWERS_S
        while not self.value(script):
            assert time.monotonic() < until, f"not so: {script}"
            time.sleep(0.05)

    def picture(self) -> bytes:
        """What it shows, as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        self._socket.close()


@contextmanager
def a_tab(folder: Path) -> Iterator[Tab]:
    """A tab of a browser whose profile is in `folder`; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("there is no Chromium in PATH (apt-get install chromium)")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    quiet = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars"]
    browser = subprocess.Popen(
        [program, *quiet, *root, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        tab = Tab(_address(folder / "DevToolsActivePort"))
        yield tab
        tab.close()
    finally:
        browser.kill()
        browser.wait(STARTS_S)


def _address(told: Path) -> str:
    """Where the first tab listens, once the browser has told its port."""
    import urllib.request

    until = time.monotonic() + STARTS_S
    while not (told.exists() and len(told.read_text().split("\n")) >= 2):
        assert time.monotonic() < until, "Chromium does not start"
        time.sleep(0.05)
    port = told.read_text().split("\n")[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=ANSWERS_S) as answer:
        tabs = json.load(answer)
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
