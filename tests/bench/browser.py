# SPDX-License-Identifier: MIT
"""A page in headless Chromium, driven by chromedriver's WebDriver protocol."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--window-size=1280,1600")
START_SECONDS = 20


def missing():
    """The program that is not installed; None when all are."""
    for name in ("chromium", "chromedriver"):
        if not shutil.which(name):
            return name
    return None


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Browser:
    """One window; close() ends the driver and the browser."""

    def __init__(self, profile, dark=False):
        self.port = _free_port()
        self.driver = subprocess.Popen(
            [shutil.which("chromedriver"), f"--port={self.port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.session = ""
        flags = [*FLAGS, f"--user-data-dir={profile}"]
        if dark:
            flags.append("--blink-settings=preferredColorScheme=0")
        made = self._start({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"binary": shutil.which("chromium"),
                                   "args": flags}}}})
        self.session = "/session/" + made["sessionId"]

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{self.session}{path}", data, method=
            method, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def _start(self, wanted):
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._call("POST", "/session", wanted)
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > end:
                    self.driver.kill()
                    raise
                time.sleep(0.2)

    def open(self, path):
        self._call("POST", "/url", {"url": f"file://{path}"})

    def run(self, script):
        """What the JavaScript returns."""
        return self._call("POST", "/execute/sync",
                          {"script": script, "args": []})

    def console(self):
        """Messages of the page: [(level, text)]."""
        return [(entry["level"], entry["message"]) for entry in
                self._call("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """Addresses that files asked for; the browser's own pages do, too."""
        found = []
        for entry in self._call("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent" and \
                    message["params"]["documentURL"].startswith("file://"):
                found.append(message["params"]["request"]["url"])
        return found

    def close(self):
        try:
            self._call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(10)
