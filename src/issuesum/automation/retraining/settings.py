"""Params set from the command line: written to params.yaml, whose comments stay, and committed."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from issuesum.automation.retraining import commits
from issuesum.errors import ParamsError, RepositoryError, one_line
from issuesum.files import replacing_file
from issuesum.lineage import git

PARAMS = "params.yaml"


def commit_settings(
    settings: Sequence[str], root: Path, *, check: Callable[[Path], object]
) -> str | None:
    """Set params and commit them, so that the image bears a commit that says them.

    A run that was killed in between is completed: params.yaml may hold what it is to hold.

    Args:
        settings: `section.name=value` each, the value in YAML.
        root: of the repository.
        check: raises ParamsError if a file does not hold params.

    Returns:
        The commit's subject, or None if HEAD has these values already.

    Raises:
        ParamsError: a setting names no param, or a value is wrong.
        RepositoryError: params.yaml has other changes that are not committed.
    """
    pairs = [_parse(setting) for setting in settings]
    if not pairs:
        return None
    before = git.content_at(root, "HEAD", PARAMS)
    if before is None:
        raise ParamsError(f"{PARAMS} must be committed. Received: none in HEAD. Try: git add it.")
    after = with_values(before, pairs)
    path = root / PARAMS
    if not path.is_file() or path.read_text(encoding="utf-8") not in (before, after):
        raise RepositoryError(
            f"{PARAMS} must be as it is committed for params to be set. Received: other changes. "
            f"Try: git diff {PARAMS}, then git commit or git checkout {PARAMS}."
        )
    with replacing_file(path) as temporary:
        temporary.write_text(after, encoding="utf-8")
        check(temporary)
        temporary.chmod(path.stat().st_mode)
    if after == before:
        return None
    told = ", ".join(f"{name} to {_shown(value)}" for name, value in pairs)
    subject = f"Set {told}"
    commits.commit(root, [PARAMS], subject)  # unmarked, or its `git revert` would start nothing
    return subject


def with_values(text: str, pairs: Sequence[tuple[str, Any]]) -> str:
    """Return YAML in which some values are others, with the comments where they were.

    Args:
        text: of params.yaml.
        pairs: dotted names, and values.

    Raises:
        ParamsError: a name is none of a value in `text`.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    content = yaml.load(text)
    for name, value in pairs:
        *sections, key = name.split(".")
        section = content
        for part in sections:
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict) or key not in section or isinstance(section[key], dict):
            raise ParamsError(
                f"--set must name a param of {PARAMS}. Received: {name}. "
                "Try: train.epochs=3, or another name of that file."
            )
        section[key] = value
    written = io.StringIO()
    yaml.dump(content, written)
    return written.getvalue()


def _parse(setting: str) -> tuple[str, Any]:
    import yaml

    name, equals, text = setting.partition("=")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ParamsError(
            f"--set must have a YAML value. Received: {one_line(error)}. Try: train.epochs=3."
        ) from error
    if not (name and equals and text):
        raise ParamsError(f"--set must be PARAM=VALUE. Received: {setting}. Try: train.epochs=3.")
    return name, value


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
