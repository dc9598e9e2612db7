"""A PostgreSQL server of a test's own: in a temporary folder, on a free port of the loopback
interface, ended by its own process id."""

import glob
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

PASSWORD = "it's a s3cret"
NOBODY = 65534
START_LIMIT_S = 30


def programs() -> pathlib.Path | None:
    """The folder of the server's programs, of the newest version there is."""
    if given := os.environ.get("TAKEOVER_POSTGRES_BIN"):
        return pathlib.Path(given)
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda path: float(path.split("/")[-3]))
    initdb = found[-1] if found else shutil.which("initdb")
    return pathlib.Path(initdb).parent if initdb else None


class Postgres:
    """A running server; a test without one is skipped, or fails where one is required."""

    def __init__(self):
        self.bin = programs()
        if self.bin is None:
            if os.environ.get("TAKEOVER_REQUIRE_POSTGRES"):
                raise AssertionError("TAKEOVER_REQUIRE_POSTGRES is set, and there is no PostgreSQL")
            raise unittest.SkipTest("no PostgreSQL server programs; set TAKEOVER_POSTGRES_BIN")
        self.folder = tempfile.TemporaryDirectory(prefix="takeover-postgres-")
        # PostgreSQL does not run as root.
        self.user = {"user": NOBODY, "group": NOBODY} if os.getuid() == 0 else {}
        secret = pathlib.Path(self.folder.name) / "password"
        secret.write_text(PASSWORD)
        if self.user:
            os.chown(self.folder.name, NOBODY, NOBODY)
            os.chown(secret, NOBODY, NOBODY)
        self.data = pathlib.Path(self.folder.name) / "data"
        subprocess.run(
            [self.bin / "initdb", "--username", "takeover", "--auth", "scram-sha-256",
             "--encoding", "UTF8", "--locale", "C", "--no-sync", "--pgdata", self.data,
             "--pwfile", secret],
            cwd=self.folder.name, check=True, capture_output=True, **self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.data, "-p", str(self.port), "-c", "fsync=off",
             "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
            cwd=self.folder.name, stderr=subprocess.DEVNULL, **self.user)
        end = time.monotonic() + START_LIMIT_S
        while subprocess.run([self.program("pg_isready"), "-q", "-h", "127.0.0.1",
                              "-p", str(self.port)], check=False).returncode:
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError("PostgreSQL does not start")
            time.sleep(0.05)

    def program(self, name: str) -> str:
        """A client's program; a server may come without, and any version of it will do."""
        own = self.bin / name
        return str(own) if own.exists() else name

    def config(self) -> str:
        """The part of a lab's configuration that keeps both pairs' rooms here, each in a schema."""
        return "".join(
            f"[[databases]]\nname = \"{pair}\"\ntype = \"postgresql\"\nport = {self.port}\n"
            f"database = \"postgres\"\nschema = \"{pair.replace('-', '_')}\"\n"
            f"user = \"takeover\"\npassword = \"{PASSWORD}\"\n\n"
            for pair in ("pair-1", "pair-2"))

    def rows(self, query: str) -> list[str]:
        """Asks as its administrator: a text for each row."""
        said = subprocess.run(
            [self.program("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "takeover",
             "-d", "postgres", "-XAtqc", query],
            env={**os.environ, "PGPASSWORD": PASSWORD}, check=True, capture_output=True, text=True)
        return said.stdout.splitlines()

    def stop(self) -> None:
        """Ends it by its process id and removes all it had."""
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()
