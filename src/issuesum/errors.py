"""Foreseeable failures: one class and one exit code for each kind.

A message is one line: what must hold or what failed, what was received or why, and what to try.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from zipfile import BadZipFile


class IssuesumError(Exception):
    """Base of every foreseeable failure; the process ends with `exit_code` if nobody handles it."""

    exit_code = 1

    @property
    def received(self) -> str:
        """What was received or why it failed, for another message; empty if that is not said."""
        return str(self).partition("Received: ")[2].partition(" Try: ")[0].removesuffix(".")


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
    """A cluster is unreachable, has no workers, runs other code, or refuses or fails a job."""

    exit_code = 9


class VerificationError(IssuesumError):
    """An image, or an attestation of it, is not what it says."""

    exit_code = 10


@contextmanager
def reading_artifact(must: str, advice: str) -> Iterator[None]:
    """Raise an ArtifactError, which begins with `must`, if the block cannot read a file."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise ArtifactError(f"{must}. Received: {one_line(error)}. Try: {advice}.") from error


def one_line(error: object) -> str:
    """Return an error or a text, folded to one line, without colours of a terminal."""
    if callable(mistakes := getattr(error, "errors", None)):  # pydantic's: the image lacks it
        first = mistakes()[0]
        error = ": ".join((*map(str, first["loc"]), first["msg"]))
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())


def shortened(names: Sequence[str], most: int = 1) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
