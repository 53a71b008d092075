"""The files for CI are valid for those that read them, and their scripts do what they say.

Schemas are those that check-jsonschema brings along. The steps of the action and the script of the GitLab job are run
here as their runners would, with a drill that passes, one that fails, and one that is wrong.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
STORMDRILL = ROOT / "target" / "release" / "stormdrill"
PASSES = ROOT / "scenarios" / "errors-at-night.toml"


def valid(schema, text, name):
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(text)
        file.flush()
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file.name]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{name}: {done.stdout}"
    print(f"ok     {name} is valid ({schema})")


def schemas():
    valid("vendor.github-actions", (ROOT / "action.yml").read_text(), "action.yml")
    halves = (ROOT / "templates" / "stormdrill.yml").read_text().split("\n---\n")
    assert len(halves) == 2
    for half in halves:
        valid("vendor.gitlab-ci", half, "templates/stormdrill.yml")
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.S)
    assert len(blocks) == 4, [name for name, _ in blocks]
    for name, text in blocks:
        schema = "vendor.gitlab-ci" if "gitlab" in name else "vendor.github-workflows"
        valid(schema, text, f"docs/ci.md: {name}")
        for step in [step for job in yaml.safe_load(text).get("jobs", {}).values() for step in job["steps"]]:
            given = set(step.get("with", {}))
            if "stormdrill" in step.get("uses", ""):
                known = set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])
                assert given <= known, given - known


def action(paths, folder):
    """Runs the scripts of the action; returns its outputs, its log, and the exit code of the last step."""
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    inputs = {
        "PATHS": paths, "SEEDS": "60", "BASELINE": "", "COMMAND": str(STORMDRILL), "REPORTS": str(folder / "reports"),
    }
    environment = {**os.environ, **inputs, **{name: str(file) for name, file in files.items()}}
    drill = next(step for step in steps if step.get("id") == "drill")
    assert set(drill["env"]) == set(inputs)
    assert "${{" not in drill["run"], "no text is put into a script"
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", drill["run"]], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    hold = next(step for step in steps if step["name"] == "Hold the verdict")
    held = subprocess.run(["bash", "-eo", "pipefail", "-c", hold["run"]], env={**os.environ, "CODE": outputs.get("code", "")})
    return outputs, done.stdout, held.returncode, files["GITHUB_STEP_SUMMARY"].read_text()


def failing(folder):
    text = PASSES.read_text().replace("\ndetect", "\ndetect = \"1s\" #", 1)
    (folder / "scenarios").mkdir()
    path = folder / "scenarios" / "fails here.toml"
    path.write_text(text)
    for part in ("mocks", "scenarios/runbooks"):
        (folder / part).symlink_to(ROOT / part)
    return path


def actions():
    with tempfile.TemporaryDirectory() as name:
        outputs, log, code, summary = action(f"{PASSES}\n\n", pathlib.Path(name))
        assert (outputs["verdict"], code) == ("PASS", 0), (outputs, code)
        assert "::notice file=" in log and "::error" not in log, log
        assert summary.startswith("## ✅ PASS"), summary[:40]
        assert {path.name for path in (pathlib.Path(name) / "reports").iterdir()} == {
            "result.json", "report.html", "postmortem.md", "junit.xml", "summary.md",
        }
    with tempfile.TemporaryDirectory() as name:
        path = failing(pathlib.Path(name))
        outputs, log, code, summary = action(str(path), pathlib.Path(name))
        assert (outputs["verdict"], code) == ("FAIL", 1), (outputs, code)
        assert re.search(r"^::error file=.*fails here\.toml,line=\d+,title=FAIL%3A detect missed::", log, re.M), log
        assert "detect" in summary
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name) / "wrong.toml"
        path.write_text("version = 1\n")
        outputs, log, code, _ = action(str(path), pathlib.Path(name))
        assert (outputs["verdict"], code) == ("bad input", 2), (outputs, code)
        assert "::error file=" in log
    print("ok     the action passes, fails and refuses")


def gitlab():
    template = (ROOT / "templates" / "stormdrill.yml").read_text().split("\n---\n")[1]
    with tempfile.TemporaryDirectory() as name:
        inputs = {"paths": str(PASSES), "seeds": "60", "stage": "test", "image": "x", "reports": f"{name}/reports"}
        text = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: inputs[found.group(1)], template)
        job = yaml.safe_load(text)["stormdrill"]
        environment = {**os.environ, **job["variables"], "PATH": f"{STORMDRILL.parent}:{os.environ['PATH']}"}
        script = "\n".join(job["script"])
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0 and "PASS" in done.stdout, done.stderr
        assert pathlib.Path(job["artifacts"]["reports"]["junit"]).read_text().startswith("<?xml")
    print("ok     the GitLab job passes")


if __name__ == "__main__":
    schemas()
    actions()
    gitlab()
