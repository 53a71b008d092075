"""Alerts fire and clear when Prometheus says they do.

Each case is a drill with even arrivals of ten tasks a second, all of which fail for a while. The
drill says when its alert fired and resolved; the same tasks, as counters, go through `promtool test
rules` with the rule written in PromQL, which must agree at the evaluation before, at and after.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEP = 15
# Prometheus needs samples where the drill assumes the time before it: so much history is added.
HISTORY = 7 * 3600

SCENARIO = """
version = 1
title = "alerts beside promtool"
duration = "{duration}s"
baseline = "10m"
[mocks.server]
kind = "tool"
service = "1ms"
[load]
arrivals.constant = "10/s"
tiers = {{ standard = "100%" }}
[agents.client]
plan = [{{ use = "server" }}]
[slo.done]
success = "99%"
period = "30d"
[alert.Checked]
when.{when}
{extra}
severity = "sev2"
runbook = "look"
[runbook.look]
recovery = "backlog < 1000"
steps = [{{ id = "own", owner = "auto", within = "1m", do.acknowledge = {{}} }}]
[[fault]]
id = "errors"
on = "server"
start = "{start}s"
duration = "{length}s"
inject.error = {{ share = "100%", after = "1ms" }}
[targets]
cost_above = "100%"
"""


def share(window):
    return f"(increase(bad[{window}]) / increase(all[{window}]))"


BURN = "({long} > {factor} * 0.01) and ({short} > {factor} * 0.01)"

CASES = [
    {
        "name": "page-fast burns for an hour",
        "when": 'burn = { slo = "done", preset = "google-30d", window = "page-fast" }',
        "expr": BURN.format(long=share("1h"), short=share("5m"), factor=14.4),
        "start": 1800, "length": 3600, "duration": 9000,
    },
    {
        "name": "page-slow burns for two hours",
        "when": 'burn = { slo = "done", preset = "google-30d", window = "page-slow" }',
        "expr": BURN.format(long=share("6h"), short=share("30m"), factor=6),
        "start": 1800, "length": 7200, "duration": 14400,
    },
    {
        "name": "a threshold with `for` and `keep_firing_for`",
        "when": 'threshold = { slo = "done", bad_above = "20%", over = "1m" }',
        "expr": f"{share('1m')} > 0.2",
        "for": "2m", "keep_firing_for": "3m",
        "start": 1800, "length": 600, "duration": 3600,
    },
    {
        "name": "a threshold that ceases before its `for` has passed",
        "when": 'threshold = { slo = "done", bad_above = "20%", over = "1m" }',
        "expr": f"{share('1m')} > 0.2",
        "for": "2m",
        "start": 1800, "length": 60, "duration": 3600,
    },
]


def drill(case, folder):
    """Runs the drill and returns when its alert fired and resolved, in seconds."""
    extra = "\n".join(f'{key} = "{case[key]}"' for key in ("for", "keep_firing_for") if key in case)
    path = folder / "scenario.toml"
    path.write_text(SCENARIO.format(extra=extra, **{k: case[k] for k in ("when", "start", "length", "duration")}))
    command = ["cargo", "run", "--quiet", "--locked", "--release", "--", "run", str(path), "--seed", "1", "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1, 3), done.stderr
    alerts = json.loads(done.stdout)["drills"][0]["runs"][0]["alerts"]
    return [(alert["fired_s"], alert["resolved_s"]) for alert in alerts]


def counters(case):
    """Returns the tasks ended and the bad ones at every step, history included."""
    all_, bad = [], []
    for at in range(-HISTORY, case["duration"] + 1, STEP):
        failing = min(max(at - case["start"], 0), case["length"])
        all_.append(str((at + HISTORY) * 10))
        bad.append(str(failing * 10))
    return " ".join(all_), " ".join(bad)


def promtool(case, expected, folder):
    """Asks promtool whether the alert fires exactly at the expected times."""
    all_, bad = counters(case)
    rule = {"alert": "Checked", "expr": case["expr"]}
    rule.update({key: case[key] for key in ("for", "keep_firing_for") if key in case})
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "interval": f"{STEP}s", "rules": [rule]}]}))
    checks = [
        {"eval_time": f"{HISTORY + at}s", "alertname": "Checked", "exp_alerts": [{"exp_labels": {}}] if fires else []}
        for at, fires in expected
    ]
    test = {
        "interval": f"{STEP}s",
        "input_series": [{"series": "all", "values": all_}, {"series": "bad", "values": bad}],
        "alert_rule_test": checks,
    }
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": f"{STEP}s", "tests": [test]}
    (folder / "tests.yml").write_text(json.dumps(tests))
    subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(["promtool", "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True)


def main():
    failed = 0
    for case in CASES:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            periods = drill(case, folder)
            # One evaluation to either side must differ, so that the agreement is to the evaluation.
            expected = [(case["start"] - STEP, False), (case["duration"], False)]
            for fired, resolved in periods:
                expected += [(int(fired) - STEP, False), (int(fired), True)]
                expected += [(int(resolved) - STEP, True), (int(resolved), False)]
            if not periods:
                expected += [(at, False) for at in range(case["start"], case["start"] + 600, STEP)]
            result = promtool(case, expected, folder)
            agrees = result.returncode == 0
            failed += not agrees
            print(f"{'ok    ' if agrees else 'FAILED'} {case['name']}: {periods or 'never fires'}")
            if not agrees:
                print(result.stdout, result.stderr)
    print(f"\n{len(CASES) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
