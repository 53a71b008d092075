"""The spans of a replay are what OpenTelemetry's own types read, and scipy agrees with the statistics.

`stormdrill replay --format otlp` writes a request a line. Each goes into the protobuf message of the
official package, which refuses unknown fields and wrong types; what comes out must say what the JSON
lines of the same replay say. The exact test and the paired interval of `compare` are set beside scipy.
"""

import base64
import json
import pathlib
import subprocess
import tempfile

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from scipy import stats

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ["cargo", "run", "--quiet", "--locked", "--release", "--manifest-path", str(ROOT / "Cargo.toml"), "--"]
SCENARIO = ROOT / "scenarios" / "agents-disagree.toml"


def run(*arguments):
    return subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def as_protobuf_has_it(value):
    """OTLP writes ids in hexadecimal, protobuf's own JSON in base64: everything else is the same."""
    if isinstance(value, list):
        return [as_protobuf_has_it(item) for item in value]
    if not isinstance(value, dict):
        return value
    ids = ("traceId", "spanId", "parentSpanId")
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode() if key in ids else as_protobuf_has_it(item)
        for key, item in value.items()
    }


def spans():
    lines = run("replay", SCENARIO, "--seed", "3", "--format", "otlp").splitlines()
    nodes = [json.loads(line) for line in run("replay", SCENARIO, "--seed", "3", "--format", "jsonl").splitlines()]
    calls = sum(node["event"] == "call" for node in nodes)
    attempts = sum(node["event"] == "attempt" for node in nodes)
    found = {"invoke_agent": 0, "chat": 0, "execute_tool": 0, "attempt": 0}
    for line in lines:
        request = json_format.ParseDict(as_protobuf_has_it(json.loads(line)), ExportTraceServiceRequest())
        (resource,) = request.resource_spans
        (scope,) = resource.scope_spans
        ids = {span.span_id for span in scope.spans}
        assert len(ids) == len(scope.spans), "ids are unique"
        for span in scope.spans:
            assert len(span.trace_id) == 16 and len(span.span_id) == 8 and any(span.span_id)
            assert not span.parent_span_id or span.parent_span_id in ids
            assert span.start_time_unix_nano <= span.end_time_unix_nano
            keys = [attribute.key for attribute in span.attributes]
            assert len(keys) == len(set(keys)), f"attributes come once: {keys}"
            kind = span.name.split()[0]
            found[kind] += 1
            if kind != "attempt":
                operation = next(a.value.string_value for a in span.attributes if a.key == "gen_ai.operation.name")
                assert operation == kind
    assert found["invoke_agent"] == len(lines) > 100, found
    assert found["chat"] + found["execute_tool"] == calls, (found, calls)
    assert found["attempt"] == attempts, (found, attempts)
    print(f"ok: {len(lines)} traces with {sum(found.values())} spans, as OpenTelemetry reads them")


def statistics():
    """Two results of one drill, of which the second was changed by hand: scipy computes the same."""
    scenario = ROOT / "scenarios" / "token-cost-spike.toml"
    with tempfile.TemporaryDirectory() as folder:
        base, new = pathlib.Path(folder) / "base.json", pathlib.Path(folder) / "new.json"
        run("run", scenario, "--seeds", "60", "--format", "json", "--output", base)
        result = json.loads(base.read_text())
        runs = result["drills"][0]["runs"]
        pairs = []
        for index, one in enumerate(runs):
            recover = next(target for target in one["targets"] if target["name"] == "recover")
            before = recover["value"]
            recover["value"] = before + 7 * (index % 5) - 3
            if index % 4 == 0:
                recover["value"] = None
                one["verdict"] = "FAIL"
            pairs.append((before, recover["value"]))
        new.write_text(json.dumps(result))
        compared = subprocess.run(
            [*PROGRAM, "compare", base, new, "--format", "json"], capture_output=True, text=True, check=False
        )
        assert compared.returncode == 1, compared
        targets = {target["name"]: target for target in json.loads(compared.stdout)["drills"][0]["targets"]}
    both = [(before, after) for before, after in pairs if after is not None]
    expected = stats.ttest_rel([b for _, b in both], [a for a, _ in both])
    interval = expected.confidence_interval(0.95)
    mean = sum(b - a for a, b in both) / len(both)
    for got, want in zip(targets["recover"]["more"], [mean, interval.low, interval.high]):
        assert abs(got - want) < 1e-5, (targets["recover"], mean, interval)
    gone = sum(after is None for _, after in pairs)
    exact = stats.binomtest(gone, gone, 0.5).pvalue
    assert targets["recover"]["lost_runs"] == gone and abs(targets["recover"]["p_value"] - exact) < 1e-9
    passes = targets["runs that pass"]
    assert abs(passes["p_value"] - stats.binomtest(passes["lost_runs"], passes["lost_runs"] + passes["won_runs"], 0.5).pvalue) < 1e-9
    print(f"ok: paired interval {interval.low:.3f}..{interval.high:.3f} and exact test {exact:.4f}, as scipy has them")


spans()
statistics()
