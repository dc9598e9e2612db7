"""profanity, a terminal client, in tmux: it logs in over TLS, joins a room and talks (chapter 7)."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import Server

CONFIG = 'domain = "example.test"\n'
ROOM = "corner@conference-1-cluster-1.example.test"


class Terminal:
    """A program in a detached tmux session of a server of its own."""

    def __init__(self, folder: pathlib.Path, command: list[str]):
        self.socket = str(folder / "tmux")
        environment = {**os.environ, "HOME": str(folder), "TERM": "screen-256color"}
        environment.pop("TMUX", None)
        self.tmux("new-session", "-d", "-x", "160", "-y", "50", *command, environment=environment)

    def tmux(self, *arguments: str, environment=None) -> str:
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], env=environment,
                              capture_output=True, text=True, check=True)
        return done.stdout

    def type(self, line: str) -> None:
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def wait_for(self, text: str, limit_s: float = 20) -> None:
        end = time.monotonic() + limit_s
        while text not in self.screen():
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} is not on the screen:\n{self.screen()}")
            time.sleep(0.1)

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)


@unittest.skipUnless(shutil.which("profanity") and shutil.which("tmux"),
                     "profanity and tmux are not installed")
class Profanity(unittest.TestCase):
    """One server and one terminal per test."""

    def setUp(self):
        self.server = Server(CONFIG, 1)
        self.addCleanup(self.server.stop)
        folder = tempfile.TemporaryDirectory(prefix="takeover-profanity-")
        self.addCleanup(folder.cleanup)
        self.terminal = Terminal(pathlib.Path(folder.name), ["profanity"])
        self.addCleanup(self.terminal.close)

    def authorities(self) -> str:
        """A folder with the lab's CA, named as OpenSSL looks for it."""
        folder = tempfile.TemporaryDirectory(prefix="takeover-authorities-")
        self.addCleanup(folder.cleanup)
        shutil.copy(self.server.ca, folder.name)
        subprocess.run(["openssl", "rehash", folder.name], check=True, capture_output=True)
        return folder.name

    def test_it_logs_in_joins_a_room_and_talks(self):
        """RFC 6120 login with STARTTLS, XEP-0045 join and a reflected message."""
        terminal = self.terminal
        home = next(user["node"] for user in self.server.command("show status")["users"]
                    if user["user"] == "andy@example.test")
        host, port = self.server.address(home)
        terminal.wait_for("Profanity")
        terminal.type(f"/tls certpath set {self.authorities()}")
        terminal.wait_for("Certificate path set to")
        terminal.type(f"/connect andy@example.test server {host} port {port} tls force")
        terminal.wait_for("Enter password:")
        terminal.type("andy-secret")
        terminal.wait_for("logged in successfully")
        terminal.type(f"/join {ROOM}")
        terminal.wait_for(ROOM.split("@", maxsplit=1)[0])
        terminal.type("hello from a terminal")
        terminal.wait_for("andy: hello from a terminal")
        terminal.type("/disconnect")
        terminal.wait_for("logged out successfully")
        terminal.type("/quit")


if __name__ == "__main__":
    unittest.main()
