"""A game day in terminals: a commander and an observer in tmux play a live drill to its end; another drill is stopped."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
STORMDRILL = os.path.abspath(os.path.join(HERE, "../../target/release/stormdrill"))
SCENARIO = os.path.join(HERE, "../gameday/shop.toml")
TMUX = ["tmux", "-L", f"stormdrill-{os.getpid()}", "-f", "/dev/null"]


def tmux(*arguments):
    return subprocess.run([*TMUX, *arguments], capture_output=True, text=True, check=False)


class Seat:
    """Somebody in front of a terminal."""

    def __init__(self, name, command, size=(110, 32)):
        self.name = name
        made = tmux("new-session", "-d", "-s", name, "-x", str(size[0]), "-y", str(size[1]), command)
        assert made.returncode == 0, made.stderr

    def screen(self):
        return tmux("capture-pane", "-p", "-t", self.name).stdout

    def press(self, *keys):
        assert tmux("send-keys", "-t", self.name, *keys).returncode == 0

    def sees(self, wanted, seconds=60):
        """Waits until a text, or what a pattern says, is on the screen; returns the screen."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            screen = self.screen()
            if re.search(wanted, screen):
                return screen
            time.sleep(0.05)
        sys.exit(f"FAIL   {self.name} waited in vain for {wanted!r}\n{self.screen()}")

    def is_gone(self, seconds=10):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if tmux("has-session", "-t", self.name).returncode != 0:
                return True
            time.sleep(0.05)
        return False


class Drill:
    """A live drill, and the links of its roles."""

    def __init__(self, folder, name, pace):
        self.result = os.path.join(folder, f"{name}.json")
        self.process = subprocess.Popen(
            [STORMDRILL, "live", SCENARIO, "--console", "--pace", str(pace), "--format", "json", "--output", self.result],
            stderr=subprocess.PIPE, text=True)
        self.links = {}
        while len(self.links) < 4:
            line = self.process.stderr.readline()
            assert line, "the drill has not begun"
            found = re.match(r"\(console, (\w+)\)\s+(\S+)", line)
            if found:
                self.links[found[1]] = found[2]

    def end(self):
        said = self.process.communicate(timeout=240)[1]
        with open(self.result, encoding="utf-8") as file:
            return self.process.returncode, json.load(file)["drills"][0], said


def play(folder):
    drill = Drill(folder, "played", 10)
    commander = Seat("commander", f"{shlex.quote(STORMDRILL)} console {shlex.quote(drill.links['commander'])}")
    # A link that comes by a pipe is in no list of processes; a small window does too.
    link = shlex.quote(drill.links["observer"])
    observer = Seat("observer", f"echo {link} | {shlex.quote(STORMDRILL)} console -", (80, 24))
    shown = commander.sees("live +you are commander")
    assert "Search goes down" in shown and "nothing is to be done" in shown and re.search("d.done", shown), shown
    assert not re.search("d.done", observer.sees("you are observer")), observer.screen()
    commander.sees("somebody is paged: press a")
    commander.press("a")
    commander.sees("Acknowledged")
    commander.sees("2. degrade +now")
    # The page was selected; the next step is below it.
    commander.press("Down")
    commander.sees("▶ 2. degrade")
    observer.press("d")
    commander.press("d")
    commander.sees("degrade is done")
    commander.press("n")
    commander.press("-l", "the cache serves")
    commander.press("Enter")
    commander.sees("Noted")
    observer.sees("commander: the cache serves")
    commander.press("Down")
    commander.sees("▶ 3. locate")
    commander.press("d")
    commander.sees("locate is done")
    until = time.monotonic() + 40
    while "Containment is declared" not in commander.screen():
        assert time.monotonic() < until, commander.screen()
        commander.press("c")
        time.sleep(0.5)
    commander.press("Down")
    commander.sees("4. restore +now")
    commander.press("d")
    commander.sees("restore is done")
    commander.sees("the drill is over")
    observer.sees("the drill is over")
    observer.press("q")
    commander.press("C-c")
    assert commander.is_gone() and observer.is_gone(), "a console that is left is gone"
    code, result, said = drill.end()
    process = result["runs"][0]["process"]
    assert code == 0, f"{code}: {result['because']}\n{said}"
    assert process["good"] == process["planned"] == 4, process
    print("ok     a game day is played in two terminals, from the page to the end, and passes")


def stop(folder):
    drill = Drill(folder, "stopped", 20)
    commander = Seat("stopper", f"{shlex.quote(STORMDRILL)} console {shlex.quote(drill.links['commander'])}")
    commander.sees("search-down on search is there")
    commander.press("S")
    commander.sees("why is the drill stopped")
    commander.press("-l", "enough")
    commander.press("Enter")
    code, result, _ = drill.end()
    assert code == 4 and result["live"]["released"], (code, result["live"])
    assert "enough" in " ".join(result["because"]), result["because"]
    commander.sees("the drill is over|no connection")
    commander.press("q")
    assert commander.is_gone()
    print("ok     a drill is stopped from a terminal, and its faults are lifted")


def refuse(folder):
    drill = Drill(folder, "refused", 60)
    wrong = drill.links["observer"].split("#")[0] + "#key=wrong"
    for link, why in [(wrong, "no valid key"), ("http://127.0.0.1:1/#key=a", "nobody serves"), ("nonsense", "no link")]:
        seat = Seat("stranger", f"{shlex.quote(STORMDRILL)} console {shlex.quote(link)}; echo code $?; read x")
        shown = seat.sees(r"code \d")
        assert "no-link" in shown and "code 2" in shown and why in shown.replace("\n", ""), shown
        seat.press("Enter")
        assert seat.is_gone()
    piped = subprocess.run([STORMDRILL, "console", wrong], capture_output=True, text=True, check=False)
    assert piped.returncode == 2 and "no-terminal" in piped.stderr, piped
    # A drill that dies leaves a console that says so.
    seat = Seat("widow", f"{shlex.quote(STORMDRILL)} console {shlex.quote(drill.links['scribe'])}")
    seat.sees("live +you are scribe")
    drill.process.kill()
    drill.process.wait()
    seat.sees("no connection; trying again")
    seat.press("q")
    assert seat.is_gone()
    print("ok     a console says why it cannot be shown, and that its drill is gone")


with tempfile.TemporaryDirectory() as folder:
    try:
        play(folder)
        stop(folder)
        refuse(folder)
    finally:
        tmux("kill-server")
