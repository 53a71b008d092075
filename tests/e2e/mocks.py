"""Live mocks under ten thousand connections, and their metrics under promtool's eyes."""

import json
import os
import resource
import socket
import subprocess
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
STORMDRILL = os.path.join(HERE, "../../target/release/stormdrill")
CONNECTIONS = 10_000

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


def chat(url):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    with urllib.request.urlopen(f"{url}/chat/completions", data=body, timeout=10) as reply:
        return json.load(reply)["choices"][0]["message"]["content"]


server = subprocess.Popen([STORMDRILL, "mock", os.path.join(HERE, "sdks/mocks.toml")], stdout=subprocess.PIPE, text=True)
try:
    ready = json.loads(server.stdout.readline())
    url = ready["environment"]["OPENAI_BASE_URL"]
    port = ready["mocks"]["llm"]["port"]
    # Half of them say nothing, half of them begin a request and stop.
    held = []
    for number in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        if number % 2:
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconte")
        held.append(connection)
    assert chat(url) == "Hello, you said hi.", "it answers beside them"
    used = memory(server.pid)
    assert used < 400, f"{used} MiB"
    print(f"ok     {CONNECTIONS} connections: {used} MiB, and it answers")
    for connection in held:
        connection.close()
    assert chat(url) == "Hello, you said hi."

    with urllib.request.urlopen(f"{ready['admin']['url']}/metrics", timeout=10) as reply:
        metrics = reply.read()
    assert b'stormdrill_mock_requests_total{mock="llm",status="200"} 2' in metrics, metrics.decode()
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, check=False)
    if checked.returncode != 0 or checked.stderr.strip():
        sys.exit(f"FAIL   metrics: {checked.stdout.decode()}{checked.stderr.decode()}")
    print("ok     promtool reads the metrics, and finds nothing to say")
finally:
    server.terminate()
    assert server.wait(timeout=20) == 0, "it ends well"
