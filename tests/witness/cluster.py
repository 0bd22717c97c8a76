"""A real etcd of one member, in a folder of its own and on loopback ports; where it is not installed, tests skip."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.ports import free_port

ETCD = shutil.which("etcd", path="/usr/bin:/usr/local/bin:/usr/sbin:/opt/bin")
MISSING = "etcd is not installed (Debian: apt-get install etcd-server)"
PATIENCE_S = 60


class Server:
    """A member that runs; `quick` elects itself, and lets leases of a second end, sooner than etcd's defaults.

    With `tls`, the files of a certificate and of its key, it speaks TLS, and takes clients that show that certificate.
    """

    def __init__(self, folder: Path, *, quick: bool = True, tls: tuple[Path, Path] | None = None) -> None:
        self.folder = folder
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{free_port()}"
        self._tls: tuple[str, ...] = ()
        self._context: ssl.SSLContext | None = None
        if tls:
            certificate, key = map(str, tls)
            self._tls = (
                "--cert-file",
                certificate,
                "--key-file",
                key,
                "--client-cert-auth",
                "--trusted-ca-file",
                certificate,
            )
            self._context = ssl.create_default_context(cafile=certificate)
            self._context.load_cert_chain(certificate, key)
        self._peer = f"http://127.0.0.1:{free_port()}"
        self._times = ("--heartbeat-interval", "10", "--election-timeout", "100") if quick else ()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """It answers from then on."""
        assert ETCD is not None
        words = (
            "--name", "only", "--data-dir", str(self.folder / "etcd"), "--listen-client-urls", self.url,
            "--advertise-client-urls", self.url, "--listen-peer-urls", self._peer,
            "--initial-advertise-peer-urls", self._peer, "--initial-cluster", f"only={self._peer}",
        )  # fmt: skip
        with (self.folder / "etcd.log").open("ab") as log:
            self._process = subprocess.Popen([ETCD, *words, *self._times, *self._tls], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_healthy():
            assert self._process.poll() is None, (self.folder / "etcd.log").read_text()
            assert time.monotonic() < deadline, (self.folder / "etcd.log").read_text()
            time.sleep(0.02)  # its only word is its health

    def stop(self) -> None:
        if self._process is not None:
            self.go_on()
            self._process.kill()
            self._process.wait(PATIENCE_S)
            self._process = None

    def hang(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def back_up(self) -> None:
        """Keep all that it has; it starts again."""
        self.stop()
        shutil.copytree(self.folder / "etcd", self.folder / "backup")
        self.start()

    def restore(self) -> None:
        """Have it as it was then."""
        self.stop()
        shutil.rmtree(self.folder / "etcd")
        shutil.move(self.folder / "backup", self.folder / "etcd")
        self.start()

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1, context=self._context) as answer:
                return b"true" in answer.read()
        except (urllib.error.URLError, OSError):
            return False
