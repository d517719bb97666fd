"""One life of a kithd on a data directory, from start to kill -9."""
import json
import os
import select
import signal
import subprocess
import time

from client import Connection, Gone
from world import KITHD

ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("KITH_")}


class Life:
    """One process on a data directory."""

    def __init__(self, directory, data, *flags, **environment):
        self.data, self.socket, self.log = data, os.path.join(directory, "kithd.sock"), os.path.join(directory, "kithd.log")
        self.began = time.monotonic()
        with open(self.log, "wb") as log:
            command = [KITHD, "--data-dir", data, "--socket", self.socket, "--no-lan", *flags]
            self.process = subprocess.Popen(command, stderr=log, env=dict(ENVIRONMENT, **environment))

    def serving(self):
        """A connection once it answers; None when the process ended by itself."""
        while self.process.poll() is None and time.monotonic() - self.began < 20:
            try:
                connection = Connection(self.socket)
                if connection.request("GET", "/v1/ready")[0] == 200:
                    return connection
                connection.close()
            except Gone:
                pass
            select.select([], [], [], 0.001)
        return None

    def about(self, connection):
        """(id, incarnation): once its own record is published."""
        def own():
            members = json.loads(connection.request("GET", "/v1/members")[2])["members"]
            return next((m for m in members if m["self"] and m["incarnation"]), None)
        while not (member := own()):
            if time.monotonic() - self.began > 20:
                return None, 0
        return member["id"], member["incarnation"]

    def kill(self):
        self.process.kill()
        code = self.process.wait()
        return code == -signal.SIGKILL

    def kill_within(self, seconds):
        """True when it lived so long; then it was killed."""
        try:
            self.process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            return self.kill()

    def complaint(self):
        with open(self.log, errors="replace") as log:
            return log.read().strip()[-300:]
