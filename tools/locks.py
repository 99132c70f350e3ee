#!/usr/bin/env python3
"""Write locks/STAGE.txt: the libraries that can change what a stage writes, by uv.lock.

    tools/locks.py [--check]

They are those that the modules among the stage's `deps` import, with everything these need. Each
stage depends on its file, so that a new library makes stale what it can change, and nothing else.
"""

import argparse
import ast
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.markers import Marker
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Names of imports that are not those of the distributions.
NAMES = {
    "backports": "backports-zstd",
    "cyclonedx": "cyclonedx-python-lib",
    "google": "protobuf",
    "packageurl": "packageurl-python",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# Cannot change an output, and is left out with what nothing else needs.
LEFT_OUT = {
    # DVC and its parts hash and move files. If another version hashed otherwise, every stage would
    # be stale by that alone.
    "dvc", "dvc-data", "dvc-render", "dvc-studio-client", "gto", "scmrepo",
    # They unpack bytes, or carry them to workers, an engine or a registry.
    "backports-zstd", "dask", "distributed", "docker", "requests", "urllib3",
    # They show or measure what goes on.
    "nvidia-ml-py", "psutil", "rich", "tensorboard", "tqdm",
}  # fmt: skip
# Equal on every machine: the libraries are those of this one.
MACHINE = {
    "extra": "extra-8-issuesum-cpu",
    "implementation_name": "cpython",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "sys_platform": "linux",
}
type Packages = dict[str, dict[str, Any]]


def main() -> int:
    """Write the files, or only check them; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if one differs")
    parser.add_argument("root", type=Path, nargs="?", default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args()
    try:
        contents = stage_locks(given.root)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    wanted = {given.root / f"locks/{stage}.txt": text for stage, text in contents.items()}
    there = {path: path.read_text(encoding="utf-8") for path in given.root.glob("locks/*.txt")}
    if given.check:
        which = ", ".join(sorted({path.name for path, _ in wanted.items() ^ there.items()}))
        must = "locks/ must list what the stages import, as uv.lock has it"
        if which:
            print(f"error: {must}. Received: other content of {which}. Try: make lock.",
                  file=sys.stderr)  # fmt: skip
        return int(bool(which))
    for path in there.keys() - wanted:
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def stage_locks(root: Path) -> dict[str, str]:
    """Return by stage what its file must hold.

    Raises:
        ValueError: uv.lock lacks what a module imports, or has two versions of TensorFlow.
    """
    listed = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))["package"]
    packages = {each["name"]: each for each in listed}
    versions = {packages[name]["version"] for name in ("tensorflow", "tensorflow-cpu")}
    if len(versions) > 1:
        raise ValueError(
            "tensorflow and tensorflow-cpu must be of one version in uv.lock. Received: "
            f"{' and '.join(sorted(versions))}. Try: uv lock --upgrade-package for both."
        )
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    found = {}
    for stage, entry in stages.items():
        code = [root / dep for dep in entry["deps"] if dep.startswith("src/")]
        names = _with_needed({name for path in code for name in imported(path)}, packages)
        found[stage] = "".join(f"{name}=={packages[name]['version']}\n" for name in sorted(names))
    return found


def imported(path: Path) -> set[str]:
    """Return the distributions that a module, or the modules in a folder, import anywhere."""
    modules = path.rglob("*.py") if path.is_dir() else [path] if path.suffix == ".py" else []
    names = set()
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(found):
                    names |= {alias.name.partition(".")[0] for alias in found}
                case ast.ImportFrom(str(found)):
                    names.add(found.partition(".")[0])
    ours = {"issuesum", *sys.stdlib_module_names}
    return {canonicalize_name(NAMES.get(name, name)) for name in names - ours}


def _with_needed(names: set[str], packages: Packages) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name in LEFT_OUT:
            continue
        if name not in packages:
            raise ValueError(
                f"uv.lock must hold what a stage imports. Received: no {name}. Try: add it to "
                "pyproject.toml, or how its distribution is called to tools/locks.py; make lock."
            )
        found.add(name)
        needed = packages[name].get("dependencies", [])
        waiting += (of["name"] for of in needed
                    if "marker" not in of or Marker(of["marker"]).evaluate(MACHINE))  # fmt: skip
    return found


if __name__ == "__main__":
    sys.exit(main())
