"""A live drill whose alerts come from a real Prometheus, with the exported rules, by way of a real Alertmanager."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
STORMDRILL = os.path.join(HERE, "../../target/release/stormdrill")
SCENARIO = os.path.join(HERE, "alerting.toml")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=5) as reply:
        return reply.read().decode()


def wait_for(what, is_so, seconds=40):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if is_so():
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    sys.exit(f"FAIL   waited in vain for {what}")


def run(folder, started):
    desk, prometheus, alertmanager = free_port(), free_port(), free_port()
    rules = os.path.join(folder, "rules")
    subprocess.run([STORMDRILL, "export", "rules", SCENARIO, "--output", rules], check=True, capture_output=True)
    token = os.path.join(folder, "token")
    config = {
        "prometheus.yml": {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [os.path.join(rules, "alerting.rules.yml")],
            "alerting": {"alertmanagers": [{"timeout": "2s", "static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
            "scrape_configs": [{"job_name": "drill", "static_configs": [{"targets": [f"127.0.0.1:{desk}"]}]}],
        },
        "alertmanager.yml": {
            "route": {"receiver": "drill", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "1s"},
            "receivers": [{"name": "drill", "webhook_configs": [{
                "url": f"http://127.0.0.1:{desk}/alerts/alertmanager",
                "send_resolved": True,
                "http_config": {"authorization": {"type": "Bearer", "credentials_file": token}},
            }]}],
        },
    }
    for name, value in config.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(value, file)  # JSON is YAML
    subprocess.run(["promtool", "check", "config", os.path.join(folder, "prometheus.yml")], check=True, capture_output=True)

    def start(command):
        log = open(os.path.join(folder, f"{os.path.basename(command[0])}.log"), "wb")
        started.append(subprocess.Popen(command, stdout=log, stderr=log))

    start(["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am",
           f"--web.listen-address=127.0.0.1:{alertmanager}", "--cluster.listen-address=", "--log.level=warn"])
    start(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
           f"--web.listen-address=127.0.0.1:{prometheus}", "--rules.alert.resend-delay=1s", "--log.level=warn"])
    # Being ready is not enough: the lists of targets come some seconds later.
    base = f"http://127.0.0.1:{prometheus}/api/v1"
    wait_for("Prometheus to know Alertmanager", lambda: str(alertmanager) in get(f"{base}/alertmanagers"))
    result = os.path.join(folder, "result.json")
    drill = subprocess.Popen(
        [STORMDRILL, "live", SCENARIO, "--alerting", "webhook", "--port", str(desk), "--token-file", token,
         "--journal", os.path.join(folder, "journal.jsonl"), "--format", "json", "--output", result],
        stderr=subprocess.PIPE, text=True)
    started.append(drill)
    wait_for("Prometheus to scrape the drill", lambda: '"health":"up"' in get(f"{base}/targets"))
    metrics = get(f"http://127.0.0.1:{desk}/metrics").encode()
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, check=False)
    assert checked.returncode == 0 and not checked.stderr.strip(), checked.stderr.decode() + checked.stdout.decode()
    print("ok     promtool reads the drill's metrics, and finds nothing to say")
    said = drill.communicate(timeout=300)[1]
    with open(result, encoding="utf-8") as file:
        found = json.load(file)["drills"][0]
    assert drill.returncode == 0, f"{drill.returncode}: {found['because']}\n{said}"
    first = found["runs"][0]
    alerts = [alert for alert in first["alerts"] if alert["name"] == "SearchFailing"]
    assert len(alerts) == 1 and alerts[0]["resolved_s"], alerts
    detect = first["times_s"]["detect"]
    assert 3 < detect < 40, f"detected after {detect} s"
    with open(os.path.join(folder, "journal.jsonl"), encoding="utf-8") as file:
        told = [line for line in map(json.loads, file) if line["kind"] == "alerts"]
    assert told and all(line["matched"] == ["SearchFailing"] and not line["unknown"] for line in told), told
    print(f"ok     Prometheus and Alertmanager page after {detect} s, the runbook contains it, and the drill passes")


with tempfile.TemporaryDirectory() as folder:
    started = []
    try:
        run(folder, started)
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
        for process in started:
            process.wait(timeout=20)
