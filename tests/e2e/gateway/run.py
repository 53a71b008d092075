"""Drills of a real gateway, LiteLLM, between a client and two providers: what it contains, and what it does not."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
STORMDRILL = os.path.join(HERE, "../../../target/release/stormdrill")
# The first provider costs $0.0021 a second, unless something is wrong.
BUDGET = 0.13


def free_ports(count):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def config(first, second):
    """Two deployments in order, with a cooldown after failures, a budget of the first, and retries."""
    def deployment(model, port, price_in, price_out, order, **more):
        return {"model_name": "assistant", "litellm_params": {
            "model": f"openai/{model}", "api_base": f"http://127.0.0.1:{port}/v1", "api_key": "sk-test", "max_retries": 0,
            "input_cost_per_token": price_in / 1e6, "output_cost_per_token": price_out / 1e6, "order": order, **more}}

    return {
        "model_list": [
            deployment("first", first, 1, 10, 1, max_budget=BUDGET, budget_duration="1d"),
            deployment("second", second, 2, 12, 2),
        ],
        "router_settings": {"num_retries": 1, "retry_after": 0, "allowed_fails": 2, "cooldown_time": 10,
                            "enable_pre_call_checks": True},
        "litellm_settings": {"telemetry": False},
        "general_settings": {"master_key": "sk-test"},
    }


class Gateway:
    """A gateway that serves while it is held."""

    def __init__(self, litellm, folder, port, providers):
        path = os.path.join(folder, "gateway.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config(*providers), file)  # JSON is YAML
        self.log = os.path.join(folder, "gateway.log")
        # Nothing is fetched from elsewhere.
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "DISABLE_ADMIN_UI": "True", "NO_PROXY": "127.0.0.1"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [litellm, "--config", path, "--host", "127.0.0.1", "--port", str(port)],
                stdout=log, stderr=log, env=environment, cwd=folder)
        self.port = port

    def __enter__(self):
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/liveliness", timeout=2):
                    return self
            except OSError:
                time.sleep(0.2)
        self.__exit__()
        with open(self.log, encoding="utf-8") as log:
            sys.exit(f"FAIL   the gateway does not come up\n{log.read()[-3000:]}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=30)


def drill(litellm, title, fault, stream=False):
    """Holds a drill of a fresh gateway; returns its exit code and what came of it."""
    gateway, *providers = free_ports(3)
    with open(os.path.join(HERE, "drill.toml"), encoding="utf-8") as file:
        text = file.read()
    parts = {"TITLE": title, "FAULT": fault, "STREAM": json.dumps(stream), "GATEWAY": gateway,
             "FIRST": providers[0], "SECOND": providers[1]}
    for name, value in parts.items():
        text = text.replace(name, str(value))
    with tempfile.TemporaryDirectory() as folder:
        scenario, result = os.path.join(folder, "gateway.toml"), os.path.join(folder, "result.json")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(text)
        with Gateway(litellm, folder, gateway, providers):
            held = subprocess.run([STORMDRILL, "live", scenario, "--format", "json", "--output", result],
                                  capture_output=True, text=True, timeout=300, check=False)
        assert held.returncode in (0, 1), f"{title}: {held.returncode}\n{held.stderr}"
        with open(result, encoding="utf-8") as file:
            found = json.load(file)["drills"][0]
    run = found["runs"][0]
    spent = {mock["name"]: mock["value"] for mock in run["spend"]["by_mock_usd"]}
    return held.returncode, found, run, spent


def main(litellm):
    code, found, run, spent = drill(litellm, "A provider is down", 'inject.error = { share = "100%", status = 503 }')
    harm, witness = run["harm"][0], run["witness"][0]
    assert code == 0, found["because"]
    assert harm["lost"] <= 5 and 3 <= witness["hits"] <= 60 and spent["second"] > 0.02, (harm, witness, spent)
    print(f"ok     an outage is contained: {witness['hits']} requests met it, {harm['lost']} tasks were lost")

    code, found, run, spent = drill(litellm, "Tokens cost ten times as much", 'inject.token-inflation = { factor = "1000%" }')
    assert code == 0, found["because"]
    assert BUDGET <= spent["first"] < 1.1 * BUDGET and spent["second"] > 0.02, spent
    print(f"ok     a cost spike is contained by the budget: ${spent['first']:.3f} of ${BUDGET} at the first provider")

    code, found, run, _ = drill(
        litellm, "Streams end early and say nothing",
        'inject.interruption = { share = "100%", after = 4, ending = "clean" }', stream=True)
    harm, hits = run["harm"][0], run["witness"][0]["hits"]
    assert code == 1 and hits > 100 and harm["wrong"] >= 0.95 * hits, (found["because"], harm, hits)
    print(f"ok     a silent early end is not contained, and the drill FAILs: {harm['wrong']} half answers of {hits}")

    code, found, run, spent = drill(litellm, "A provider charges more", 'inject.price = { factor = "1000%" }')
    assert code == 1 and any("cost_above" in why for why in found["because"]), found["because"]
    assert spent["first"] > 2 * BUDGET, spent
    print(f"ok     a price that the gateway does not know is not contained: ${spent['first']:.3f} of ${BUDGET}, and the drill FAILs")


main(sys.argv[1])
