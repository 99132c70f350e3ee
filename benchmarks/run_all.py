"""Run benchmarks, each as a process of its own, and write what they print to docs/benchmarks.md.

`make benchmarks` starts the local services first. Each result replaces the one in the section of
that name. One that fails leaves its section as it was and the exit code is 1; the others still run.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil

from common import ROOT, Project, run
from issuesum.layout import BUNDLE, RAW
from issuesum.lineage import git

PAGE = Path("docs/benchmarks.md")


@dataclass(frozen=True)
class Benchmark:
    """Arguments of a script: always, if issues are real, if time is short; {} stands for a path."""

    always: str = ""
    real: str = ""
    quick: str = ""
    only_real: bool = False  # figures of synthetic issues would mean nothing


BENCHMARKS = {
    "preprocess": Benchmark("--issues {issues}", quick="--rows 2000 20000 --repeats 1"),
    "training": Benchmark(
        real="--issues {issues}", quick="--rows 256 --pairs 1 --batch-sizes 32 --steps 12"
    ),
    "quality": Benchmark("--issues {issues}", quick="-S train.max_steps=50", only_real=True),
    "serving": Benchmark("--bundle {bundle} --issues {issues}", quick="--requests 100"),
    "export": Benchmark("--bundle {bundle}", quick="--repeats 1"),
    "end_to_end": Benchmark("--issues {issues}", quick="--repeats 1"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", type=Path, help="CSV of real issues; by default synthetic ones")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="give each less to do")
    parser.add_argument("--bundle", type=Path, help="whose model is served and exported")
    parser.add_argument("more", nargs="*", help="after --: arguments for the one of --only")
    given = parser.parse_args()
    if given.more and len(given.only or BENCHMARKS) > 1:
        parser.error("arguments after -- must be for the one of --only")
    chosen = [name for name in BENCHMARKS if not given.only or name in given.only]
    if not given.issues:
        chosen = [name for name in chosen if not BENCHMARKS[name].only_real]
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        paths = _inputs(given, Path(folder))
        failed = [name for name in chosen if not _run(name, given, paths)]
    if failed:
        sys.exit(f"error: {', '.join(failed)} failed; see above")


def _inputs(given: argparse.Namespace, folder: Path) -> dict[str, Path]:
    """Return the CSV and the bundle; what was not given is made in a folder."""
    issues = given.issues or folder / "sample" / RAW
    if not given.issues:
        sample = Project.clone(folder / "sample")
        sample.run("issuesum", "sample", "--force", "--rows", "1000" if given.quick else "4000")
    bundle = given.bundle or ROOT / BUNDLE
    if not given.bundle and not (bundle / "model").is_dir():
        bundle = folder / "brief" / BUNDLE
    return {"issues": issues.resolve(), "bundle": bundle.resolve()}


def _run(name: str, given: argparse.Namespace, paths: dict[str, Path]) -> bool:
    """Run one and write its section; return whether it succeeded."""
    benchmark = BENCHMARKS[name]
    more = (benchmark.real * bool(given.issues), benchmark.quick * given.quick)
    template = [*" ".join((benchmark.always, *more)).split(), *given.more]
    if "{bundle}" in template and not (given.bundle or (paths["bundle"] / "model").is_dir()):
        _train(paths["issues"], paths["bundle"])
    script = f"benchmarks/{name}.py"
    print(f"\n{script}", flush=True)
    begun, date = commit(), datetime.now(UTC)
    command = [sys.executable, "-u", script, *(word.format(**paths) for word in template)]
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            lines.append(line)
            print(line, end="", flush=True)
    if process.returncode:
        return False
    minutes, seconds = divmod(round((datetime.now(UTC) - date).total_seconds()), 60)
    source = f"issues of {given.issues.name}" if given.issues else "synthetic issues"
    facts = [f"{date:%Y-%m-%d}", f"commit {begun}", source, f"{minutes} min {seconds} s"]
    facts += ["quick: less to do than by default"] * given.quick
    shown = " ".join(["python", script, *template]).format(**{k: p.name for k, p in paths.items()})
    known = paths | {word: Path(word) for word in given.more if Path(word).is_file()}
    output = redacted(f"$ {shown}\n{''.join(lines)}".rstrip(), known)
    result = f"{'; '.join(facts)}. {machine()}.\n\n```console\n{output}\n```"
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    (ROOT / PAGE).write_text(with_result(page, name, result), encoding="utf-8")
    return True


def _train(issues: Path, bundle: Path) -> None:
    """Make a bundle with a model that learnt a little: enough for titles of usual lengths."""
    project = Project.clone(bundle.parents[len(BUNDLE.parts) - 1])
    project.change({"train.max_steps": 200})
    project.ingest([issues])
    for stage in ("split", "preprocess", "train", "build"):
        project.stage(stage)


def commit() -> str:
    """Return the commit that is checked out, and `-dirty` if the code differs from it."""
    changed = git.run(ROOT, "status", "--porcelain", "--", *git.CODE, "benchmarks")
    return git.head(ROOT)[:12] + ("-dirty" if changed else "")


def with_result(page: str, name: str, result: str) -> str:
    """Return the page with another result below the first paragraph of a section."""
    section = re.compile(rf"(^## {name}\n\n(?:.+\n)+)[\s\S]*?(?=^## |\Z)", re.MULTILINE)
    return section.sub(lambda found: f"{found[1]}\n{result}\n\n", page).rstrip("\n") + "\n"


def redacted(text: str, paths: dict[str, Path]) -> str:
    """Return a text without paths of this machine."""
    names = {str(path): path.name for path in paths.values()}
    names |= {f"{ROOT}{os.sep}": "", str(ROOT): ".", tempfile.gettempdir(): "$TMPDIR"}
    for path, name in names.items():
        text = text.replace(path, name)
    return text


def machine() -> str:
    """Return what decides how long things take here, without names of hosts or folders."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    processor = found.group(1) if found else platform.processor() or platform.machine()
    memory = f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 1e9:.0f} GB"
    gpus = "no GPU"
    if shutil.which("nvidia-smi"):
        command = "nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader"
        shown = subprocess.run(command.split(), check=False, capture_output=True, text=True)
        gpus = gpus if shown.returncode else "; ".join(shown.stdout.splitlines())
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    names = ("keras", "onnxruntime", "dvc")
    libraries = (f"{name} {metadata.version(name)}" for name in names)
    python = f"Python {platform.python_version()}"
    return ", ".join([processor, memory, gpus, system, python, *libraries])


if __name__ == "__main__":
    run(main)
