"""What the Python tests of SDKs share: the admin API, faults for a while, and a table of what was expected."""

import json
import os
import sys
import urllib.request
from contextlib import contextmanager

ADMIN = os.environ["STORMDRILL_ADMIN_URL"]
with open(os.environ["STORMDRILL_ADMIN_TOKEN_FILE"], encoding="utf-8") as file:
    TOKEN = file.read().strip()

failures = []


def admin(path, body=None):
    """Asks the admin API; a body makes it a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ADMIN}/{path}", data=data, headers={"authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


class Fault:
    """How many requests came by a fault, and how many of them it changed."""

    def __init__(self, before):
        self.before = before

    def counts(self):
        now = next(fault for fault in admin("faults") if fault["id"] == "test")
        return now["exposed"] - self.before["exposed"], now["hits"] - self.before["hits"]

    @property
    def attempts(self):
        return self.counts()[0]


@contextmanager
def fault(mock, kind, dose):
    """Arms a fault for as long as the block lasts."""
    faults = admin("faults", {"id": "test", "on": mock, "inject": {kind: dose}})
    armed = next(fault for fault in faults if fault["id"] == "test")
    try:
        yield Fault(armed)
    finally:
        admin("faults/test/release", {})


def check(name, got, wanted):
    """Notes what differs from what was expected."""
    if got == wanted:
        print(f"ok     {name}: {got}")
    else:
        failures.append(name)
        print(f"FAIL   {name}: got {got!r}, expected {wanted!r}")


def finish():
    """Ends the test."""
    if failures:
        sys.exit(f"{len(failures)} failed: {', '.join(failures)}")
