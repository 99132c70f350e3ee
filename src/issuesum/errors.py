"""What can go wrong for foreseeable reasons, as one tree with one exit code a branch.

IssuesumError            1  anything below
├── ParamsError          2  params.yaml, an option or an environment variable is wrong
├── DataError            3  the issues cannot be used as they are
├── ArtifactError        4  a stage's output is missing, broken or fails its check
├── GateError            5  the model is not good enough to be shipped
├── EngineError          6  Docker Engine: absent, or a build or a container failed
├── RegistryError        7  the registry refuses, is unreachable or holds another image
├── RepositoryError      8  Git or DVC: no repository, no commit, no lock
├── ClusterError         9  the Dask cluster: unreachable, without workers, or of other code
└── VerificationError   10  an image, or an attestation of it, is not what it says

A message says what must hold, what was received and what to do next, on one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class IssuesumError(Exception):
    """Base of every foreseeable failure.

    Attributes:
        exit_code: what the process ends with when nobody handles the error.
    """

    exit_code = 1


class ParamsError(IssuesumError):
    """params.yaml, an option or an environment variable is wrong."""

    exit_code = 2


class DataError(IssuesumError):
    """The issues cannot be used as they are."""

    exit_code = 3


class ArtifactError(IssuesumError):
    """A stage's output is missing, broken or fails its check."""

    exit_code = 4


class GateError(IssuesumError):
    """The model is not good enough to be shipped."""

    exit_code = 5


class EngineError(IssuesumError):
    """Docker Engine is absent, or a build or a container failed."""

    exit_code = 6


class RegistryError(IssuesumError):
    """The registry refuses, is unreachable, or holds another image under the tag."""

    exit_code = 7


class RepositoryError(IssuesumError):
    """Git or DVC: no repository, no commit, no lock."""

    exit_code = 8


class ClusterError(IssuesumError):
    """The Dask cluster is unreachable, has no workers, or runs other code than ours."""

    exit_code = 9


class VerificationError(IssuesumError):
    """An image, or an attestation of it, is not what it says."""

    exit_code = 10


@contextmanager
def reading_artifact(must: str, advice: str) -> Iterator[None]:
    """Raise an ArtifactError, which begins with `must`, if the block cannot read a file."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{must}. Received: {one_line(error)}. Try: {advice}.") from error


def one_line(error: BaseException) -> str:
    """Return what `error` says, folded to one line."""
    return " ".join(str(error).split())
