"""Instructions an event costs, by part of the engine: `python3 benches/instructions.py`.

Callgrind counts instructions, which do not depend on what else the machine does. The model of
`benches/mmc.toml` (M/M/16 with timeouts and retries) and a shipped drill run one seed each; every
function's own instructions are gathered into parts and divided by the events that the run handled.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODELS = [ROOT / "benches" / "mmc.toml", ROOT / "scenarios" / "tool-timeout-backlog.toml"]

# The first pattern that a function's name or file matches names its part.
PARTS = [
    ("queue and timer lanes", r"engine::queue|engine::lanes"),
    ("draws", r"base::dist|base::chance|libm|rand_|splitmix|ziggurat"),
    ("attempts: server", r"engine::stations|engine::faults|engine::line|model::quota"),
    ("attempts: client", r"engine::calls|engine::gateway|engine::spending|engine::screens|guard::"),
    ("tasks", r"engine::tasks|engine::context|engine::outcomes|engine::slab"),
    ("loop", r"engine::World|engine::fork|model::traffic"),
    ("control plane", r"ops::|engine::control|engine::evaluations|model::responder"),
    ("record", r"record::|hdrhistogram"),
    ("grading", r"grade::"),
]


def part(name):
    return next((known for known, pattern in PARTS if re.search(pattern, name)), "rest: loading, report, libc")


def measure(model, program, folder):
    out = folder / "callgrind.out"
    command = [program, "run", model, "--seed", "1", "--threads", "1", "--format", "json"]
    subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command],
        stdout=(folder / "result.json").open("w"),
        stderr=subprocess.DEVNULL,
        check=False,
    )
    run = json.loads((folder / "result.json").read_text())["drills"][0]["runs"][0]
    # A twin is its run up to the first fault, and handles about as many events after it.
    text = subprocess.run(
        ["callgrind_annotate", "--auto=no", "--inclusive=no", "--threshold=100", out], capture_output=True, text=True, check=True
    ).stdout
    sums, total = {}, 0
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+) \([ \d.]+%\)\s+(\S.*)", line)
        if not found or "PROGRAM TOTALS" in line:
            continue
        count = int(found[1].replace(",", ""))
        sums[part(found[2])] = sums.get(part(found[2]), 0) + count
        total += count
    return sums, total, run["events"]


def main():
    environment = {**os.environ, "CARGO_PROFILE_RELEASE_DEBUG": "line-tables-only"}
    target = ROOT / "target" / "instructions"
    subprocess.run(
        ["cargo", "build", "--quiet", "--locked", "--release", "--target-dir", target], cwd=ROOT, env=environment, check=True
    )
    program = target / "release" / "stormdrill"
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            sums, total, events = measure(model, program, pathlib.Path(folder))
            print(f"{model.relative_to(ROOT)}: {events} events in the run; run and twin: {total} instructions")
            for name, count in sorted(sums.items(), key=lambda item: -item[1]):
                print(f"  {count / events:8.1f} an event of the run  {count / total:6.1%}  {name}")


if __name__ == "__main__":
    sys.exit(main())
