"""Peak memory of a 48-hour drill beside that of a 2-hour one: `python3 benches/memory.py`.

The shipped drill is stretched; both run one seed with its twin on one thread. Prints the peak
resident memory of each process, as the kernel counts it, and their ratio.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
DRILL = ROOT / "scenarios" / "tool-timeout-backlog.toml"


def peak(hours, folder):
    """Runs the drill over some hours and returns its peak resident memory in MiB."""
    text = DRILL.read_text().replace('duration  = "50m"', f'duration  = "{hours}h"')
    (folder / "mocks").mkdir(exist_ok=True)
    for mock in (ROOT / "mocks").glob("*.toml"):
        (folder / "mocks" / mock.name).write_text(mock.read_text())
    path = folder / f"{hours}h.toml"
    path.write_text(text)
    program = str(ROOT / "target" / "release" / "stormdrill")
    child = subprocess.Popen([program, "run", str(path), "--seed", "1", "--threads", "1"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 1, 3), f"the drill of {hours} hours exited with {code}"
    return usage.ru_maxrss / 1024


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        short, long = peak(2, folder), peak(48, folder)
    ratio = long / short
    print(f"2 hours: {short:.1f} MiB, 48 hours: {long:.1f} MiB, ratio {ratio:.3f}")
    sys.exit(ratio > 1.1)


if __name__ == "__main__":
    main()
