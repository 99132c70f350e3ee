"""Where tags and digests without a repository are looked up."""

from __future__ import annotations

import os

_IMAGE = "issuesummarization"


def default_repository() -> str | None:
    """Return registry/name from params.yaml, or without one from ISSUESUM_REGISTRY, or None.

    Raises:
        ParamsError: params.yaml or the variable is wrong.
    """
    from issuesum.stages.params import PARAMS_FILE, load_params

    if PARAMS_FILE.exists():
        export = load_params().export
        return f"{export.address}/{export.image}"
    registry = os.environ.get("ISSUESUM_REGISTRY")
    return f"{registry}/{_IMAGE}" if registry else None
