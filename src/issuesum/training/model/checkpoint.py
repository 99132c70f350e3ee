"""What an interrupted training resumes from: one .npz in a folder, and its copy in object storage.

Neither Git nor DVC touches the folder, so the file outlives `kill -9` and DVC's removal of outputs;
the copy outlives the machine. The name holds a hash of all that decides the result: a training with
other data, params, code or TensorFlow starts again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import tensorflow as tf

from issuesum.console import say
from issuesum.errors import ParamsError, one_line
from issuesum.files import replacing_file
from issuesum.training.model.distribution import Arrays

if TYPE_CHECKING:
    from dvc.fs import FileSystem

Record = dict[str, float]
VARIABLE = "ISSUESUM_CHECKPOINTS"
_ANSWER = 60.0  # seconds that the end of a training waits for object storage
_NOTICE = 8.0  # seconds after SIGTERM for the last checkpoint; a pod has 30


@dataclass
class Progress:
    """How far training has come."""

    step: int = 0  # global batches learnt
    period_loss: float = 0.0  # sum of the losses since the last validation
    records: list[Record] = field(default_factory=list)  # one per validation, see `Training.run`
    validated: int = 0  # step of the last validation
    waited: int = 0  # validations since the best one


class Checkpoint:
    """The state of one training."""

    def __init__(
        self, folder: Path, values: Iterable[Any], files: Iterable[Path], *, url: str | None = None
    ) -> None:
        """Name the file, in a folder that need not exist, by what decides the result.

        That is the representation of `values` and the content of `files` and of this package. A
        copy is kept under `url`, s3://BUCKET/PREFIX, with the settings of DVC's default remote; any
        other URL is a ParamsError.
        """
        digest = hashlib.sha256(repr([tf.__version__, *values]).encode())
        found = Path(__file__).parent.rglob("[!.]*.py")
        modules = [path for path in found if path.parent.name[0] != "."]  # none of an editor's
        for path in (*sorted(modules), *files):
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        self._path = folder / f"{digest.hexdigest()[:32]}.npz"
        self._copy = _Copy(url, self._path.name) if url else None

    def save(self, progress: Progress, arrays: dict[str, Arrays]) -> None:
        """Write the file, whole or not at all; it is copied while training goes on."""
        named = {f"{group}/{n}": of for group, many in arrays.items() for n, of in enumerate(many)}
        with replacing_file(self._path) as path:
            np.savez(path, progress=np.array(json.dumps(asdict(progress))), **named)
        if self._copy:
            self._copy.send(self._path)

    def finish(self) -> None:
        """Wait, for some seconds at most, until what was saved last is in object storage."""
        if self._copy:
            self._copy.send(self._path)  # again, in case the last attempt failed or just ended
            self._copy.wait(_NOTICE)

    def load(self) -> tuple[Progress, dict[str, Arrays]] | None:
        """Return what was saved last, or None if there is nothing or it is broken."""
        contents = [self._path.read_bytes()] if self._path.is_file() else []
        if self._copy and (copy := self._copy.fetch()):
            contents.append(copy)
        saved = filter(None, map(_parse, contents))
        return max(saved, key=lambda found: found[0].step, default=None)

    def discard(self) -> None:
        """Remove the file and its copy: the training has ended, and its results are in place."""
        if self._copy:
            self._copy.remove()
        self._path.unlink(missing_ok=True)


def _parse(content: bytes) -> tuple[Progress, dict[str, Arrays]] | None:
    try:
        with np.load(BytesIO(content), allow_pickle=False) as saved:
            progress = Progress(**json.loads(str(saved["progress"])))
            arrays: dict[str, Arrays] = {}
            for name in saved.files:
                if "/" in name:
                    arrays.setdefault(name.split("/")[0], []).append(saved[name])
            return progress, arrays
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None


class _Copy:
    """An object in S3. What fails there is a warning: training goes on without it."""

    def __init__(self, url: str, name: str) -> None:
        if not re.fullmatch(r"s3://[^/]+(/.*)?", url):
            raise ParamsError(
                f"{VARIABLE} must be the URL of a folder in S3. Received: {url}. "
                "Try: s3://BUCKET/PREFIX."
            )
        self._url = f"{url.rstrip('/')}/{name}"
        self._thread = threading.Thread()  # which sends, and does not keep the process
        self._waits = False  # whether a file is to be sent
        self._works = True

    def fetch(self) -> bytes | None:
        """Return the object, None if there is none or S3 does not answer."""
        content: bytes | None = None
        with self._warning():
            files, path = self._files
            content = files.cat_file(path)
        return content  # noqa: RET504 -- None where that failed

    def send(self, file: Path) -> None:
        """Begin to send a file; of those that are written meanwhile, the last is sent after it."""
        self._waits = True
        if not self._thread.is_alive():
            self._thread = threading.Thread(target=self._send, args=(file,), daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until what was saved last is sent."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def remove(self) -> None:
        """Remove the object, behind what is on its way."""
        self._waits = False
        self.wait(_ANSWER)
        with self._warning():
            files, path = self._files
            files.remove(path)

    @cached_property
    def _files(self) -> tuple[FileSystem, str]:
        # By DVC, which knows the endpoint and the credentials, and adds nothing to locks/train.txt.
        from dvc.config import Config
        from dvc.fs import get_cloud_fs

        config = Config(dvc_dir=".dvc")
        remote = config["remote"].get(config["core"].get("remote"), {})
        settings = remote if str(remote.get("url")).startswith("s3://") else {}
        kind, options, path = get_cloud_fs(config, **{**settings, "url": self._url})
        return kind(**{"connect_timeout": 5, "read_timeout": 30, **options}), path

    def _send(self, file: Path) -> None:
        with self._warning():
            files, path = self._files
            while self._waits:
                self._waits = False
                files.pipe_file(path, file.read_bytes())

    @contextlib.contextmanager
    def _warning(self) -> Iterator[None]:
        try:
            with contextlib.suppress(FileNotFoundError):
                yield
            self._works = True
        except Exception as error:  # noqa: BLE001 -- of DVC, s3fs, botocore or the network
            if self._works:  # not at each checkpoint
                reason = one_line(error) or type(error).__name__
                say("warning", f"train: no checkpoint in {self._url} ({VARIABLE}): {reason}")
            self._works = False


@contextlib.contextmanager
def noticing_sigterm() -> Iterator[Callable[[], bool]]:
    """Give what returns whether SIGTERM came, whose usual effect comes after the block."""
    own = threading.current_thread() is threading.main_thread()
    if not own or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        yield lambda: False
        return
    came = threading.Event()
    earlier = signal.signal(signal.SIGTERM, lambda *_: came.set())
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGTERM, earlier)
    if came.is_set():
        signal.raise_signal(signal.SIGTERM)
