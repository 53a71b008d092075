"""How many requests a live drill sends with mocks in the same process, and how punctually: python3 benches/load.py

Prints, for each rate, what was sent, how late requests left, and the processor time; all in one run.
"""

import json
import os
import resource
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
STORMDRILL = os.path.join(HERE, "../target/release/stormdrill")

with open(os.path.join(HERE, "load.toml"), encoding="utf-8") as file:
    text = file.read()
print(f"{'wanted/s':>10}{'sent/s':>10}{'late p50':>10}{'late p99':>10}{'p95 task':>10}{'processor':>11}")
for rate in (1_000, 2_000, 5_000, 10_000):
    with tempfile.TemporaryDirectory() as folder:
        scenario, result = os.path.join(folder, "load.toml"), os.path.join(folder, "result.json")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(text.replace("1000/s", f"{rate}/s"))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([STORMDRILL, "live", scenario, "--format", "json", "--output", result], check=False,
                       stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(result, encoding="utf-8") as file:
            drill = json.load(file)["drills"][0]
    live, run = drill["live"], drill["runs"][0]
    seconds = drill["system"]["duration_s"]
    used = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / seconds
    p95 = run["harm"][0]["latency_p95_s"]
    print(f"{rate:>10}{live['sent'] / seconds:>10.0f}{live['lag_p50_ms']:>8.3f}ms{live['lag_p99_ms']:>8.3f}ms{p95:>9.3f}s{used:>9.2f} c")
