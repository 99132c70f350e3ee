"""Which version is meant."""

from __future__ import annotations

from pathlib import Path

from issuesum.errors import ParamsError, RepositoryError
from issuesum.lineage.registered import Registered, in_stage, of_tag


def wanted(root: Path, tag: str | None, stage: str | None, *, current: bool) -> Registered:
    """Return the version that a tag or a stage names.

    Args:
        root: of the project.
        tag: of GTO.
        stage: instead of it; the version that is there now.
        current: refuse a tag whose version is not in its stage now: a run for an earlier tag that
            comes late would undo the later one.

    Raises:
        ParamsError: not one of both is given, the tag is none of GTO, or only registers a version
            where one in a stage is needed.
        RepositoryError: there is no such tag, nothing is in the stage, or another version is.
    """
    if (tag is None) == (stage is None):
        received = "neither" if tag is None else "both"
        raise ParamsError(
            f"Give TAG or --stage. Received: {received}. Try: issuesum release --stage prod."
        )
    found = of_tag(root, tag) if tag else None
    of = stage or (found.stage if found else None)
    if of is None:
        if current:
            raise ParamsError(
                f"--push must have a version in a stage. Received: {tag}. "
                "Try: gto assign issuesummarization --version … --stage prod, then that tag."
            )
        assert found  # noqa: S101 -- without a stage it is of the tag
        return found
    now = in_stage(root, of) if current or found is None else found
    if now is None:
        raise RepositoryError(
            f"A version must be in stage {of}. Received: none. "
            f"Try: gto assign issuesummarization --version … --stage {of}."
        )
    if found and now.commit != found.commit:
        raise RepositoryError(
            f"{tag} must be of the version that is in stage {of} now. Received: {found.version}, "
            f"and {now.version} is there. Try: issuesum release --stage {of} --push."
        )
    return now
