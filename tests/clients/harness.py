"""A running `takeover serve` for clients from outside, and what they need to know of it."""

import json
import os
import pathlib
import queue
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("TAKEOVER", ROOT / "target" / "release" / "takeover"))
READY_LIMIT_S = 30
STOP_LIMIT_S = 5


class Refused(Exception):
    """The administration port said no; the text is its own."""


class Server:
    """One lab, started with a configuration and ended by its own process id."""

    def __init__(self, config: str, speed: float, data: str | None = None):
        self.folder = tempfile.TemporaryDirectory(prefix="takeover-clients-")
        path = pathlib.Path(self.folder.name) / "lab.toml"
        path.write_text(config)
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", path, "--speed", str(speed),
             "--data", data or pathlib.Path(self.folder.name) / "data"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.stderr: list[str] = []
        self.readers = [threading.Thread(target=self._collect, daemon=True)]
        self.readers[0].start()
        self.ready = self._wait_until_ready()
        self.ca = self.ready["ca"]
        self.nodes = {node["name"]: node for node in self.ready["nodes"]}

    def _collect(self) -> None:
        for line in self.process.stderr:
            self.stderr.append(line)

    def _wait_until_ready(self) -> dict:
        lines: queue.Queue = queue.Queue()

        def read() -> None:
            for line in self.process.stdout:
                lines.put(line)
            lines.put(None)

        self.readers.append(threading.Thread(target=read, daemon=True))
        self.readers[1].start()
        line = lines.get(timeout=READY_LIMIT_S)
        if line is None or not line.startswith("ready {"):
            raise RuntimeError(f"no ready line but {line!r}; it said:\n{''.join(self.stderr)}")
        return json.loads(line.removeprefix("ready "))

    def address(self, node: str) -> tuple[str, int]:
        """Host and port of a node's XMPP endpoint (STARTTLS)."""
        host, port = self.nodes[node]["xmpp"].rsplit(":", 1)
        return host, int(port)

    def command(self, line: str) -> dict:
        """Carries out one command of the administrator's language; returns its data."""
        request = urllib.request.Request(
            f"http://{self.ready['admin']}/v1/command",
            data=json.dumps({"command": line}).encode(),
            headers={"Authorization": f"Bearer {self.ready['token']}",
                     "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["error"]) from None

    def row(self, group: str) -> int | None:
        """The row of the state table that a group is in (1 is normal)."""
        return next(entry["row"] for entry in self.command("utils ha status")["groups"]
                    if entry["group"] == group)

    def wait_for_row(self, group: str, row: int, limit_s: float) -> None:
        """Waits until a group is in `row`, or fails with where it is."""
        end = time.monotonic() + limit_s
        while self.row(group) != row:
            if time.monotonic() > end:
                raise AssertionError(
                    f"{group} is in row {self.row(group)}, not {row}, after {limit_s} s")
            time.sleep(0.05)

    def stop(self) -> None:
        """SIGTERM; it must end in order within its limit."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(timeout=STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"serve did not end within {STOP_LIMIT_S} s") from None
            finally:
                self._clear_up()
            if code != 0:
                raise AssertionError(f"serve ended with {code}:\n{''.join(self.stderr)}")

    def kill(self) -> None:
        """SIGKILL: nothing is done in order."""
        self.process.kill()
        self.process.wait()
        self._clear_up()

    def _clear_up(self) -> None:
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        self.folder.cleanup()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_unused) -> None:
        self.stop()
