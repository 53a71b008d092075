"""The machine's clock is set while a drill is held: three hours back, then six on. The drill goes by another clock."""

import email.utils
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
STORMDRILL = os.path.join(HERE, "../../target/release/stormdrill")
SCENARIO = os.path.join(HERE, "../gameday/shop.toml")


def date_at(port):
    """The time that the drill's machine believes it is: every reply says it."""
    try:
        headers = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    return email.utils.parsedate_to_datetime(headers["date"]).timestamp()


def wait_for_step(port, hours):
    until = time.monotonic() + 5
    while abs(date_at(port) - time.time() - hours * 3600) > 60:
        assert time.monotonic() < until, f"the clock was not set to {hours} hours from now"
        time.sleep(0.1)


with tempfile.TemporaryDirectory() as folder:
    library = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
    assert library, "libfaketime is not there"
    offset, result = os.path.join(folder, "offset"), os.path.join(folder, "result.json")

    def set_clock(hours):
        with open(f"{offset}.new", "w", encoding="utf-8") as file:
            file.write(f"{hours:+d}h\n")
        os.replace(f"{offset}.new", offset)

    set_clock(0)
    environment = {**os.environ, "LD_PRELOAD": library[0], "FAKETIME_TIMESTAMP_FILE": offset, "FAKETIME_NO_CACHE": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    began = time.monotonic()
    drill = subprocess.Popen([STORMDRILL, "live", SCENARIO, "--pace", "60", "--journal", os.path.join(folder, "journal.jsonl"),
                              "--format", "json", "--output", result], env=environment, stderr=subprocess.PIPE, text=True)
    port = None
    while port is None:
        line = drill.stderr.readline()
        assert line, "the drill has not begun"
        found = re.match(r"\(admin of mocks\)\s+http://127.0.0.1:(\d+)", line)
        port = found and found[1]
    wait_for_step(port, 0)
    # The servers keep the date of a second until a later one comes: only the step on can be seen.
    set_clock(-3)
    time.sleep(2)
    set_clock(3)
    wait_for_step(port, 3)
    said = drill.communicate(timeout=60)[1]
    took = time.monotonic() - began
    with open(result, encoding="utf-8") as file:
        found = json.load(file)["drills"][0]
    if drill.returncode != 0 or not 9.5 < took < 60:
        sys.exit(f"FAIL   {drill.returncode} after {took:.1f} s: {found['because']}\n{said}")
    print(f"ok     a drill whose machine's clock is set goes on: ten minutes at sixty times the clock in {took:.1f} s, and passes")
