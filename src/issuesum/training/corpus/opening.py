"""Open what holds issues: a file or a pipe, packed or not, in any Unicode encoding.

Nothing is read twice, so a pipe does as well as a file. What is no text and no Parquet file is
refused by what it is.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from backports import zstd

from issuesum.errors import DataError, one_line, shortened

_LOOK = 512  # first bytes that show what a file is
_ZIP = b"PK\x03\x04"
_MARKS = (  # of UTF-32 first, whose mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_FOREIGN = {
    b"SQLite format 3": ("an SQLite database", "export a table of it as CSV"),
    b"\xd0\xcf\x11\xe0": ("an Excel or Word document", "save it as CSV"),
    bytes(4): ("zero bytes", "get the file again"),
    b"version https://git-lfs": ("a pointer of Git LFS", "git lfs pull"),
    b"<": ("HTML or XML", "check the address; of a web page, download the file behind it"),
}
"""By their first bytes: what people have and this does not read, and what to do about it."""
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, zstd.ZstdError)


@dataclass
class Place:
    """A source that is read, and how far."""

    name: str  # for messages
    row: int = -1  # the last one that was read whole; 0 is the header
    packing: str = ""  # what the bytes are unpacked from
    stream: Stream = field(init=False)
    share: Callable[[], float] | None = None
    """Returns which share of the bytes was read; None for a pipe, which has no size."""

    @property
    def next(self) -> str:
        """Name the row that comes next."""
        return f"row {self.row + 1:,}" if self.row >= 0 else "the header"


class Stream(io.RawIOBase):
    """Bytes whose `head` can be looked at before they are read; `given` counts those that were."""

    def __init__(self, source: IO[bytes]) -> None:
        """Look at the start of `source`; a pipe that is slow to give it is waited for."""
        self._source: Any = source
        self.head = self._left = source.read(_LOOK)
        self.given = 0

    def readable(self) -> bool:
        """Return that it is, which TextIOWrapper asks."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 -- a memoryview
        """Fill the buffer with what is there; 0 at the end alone."""
        part = self._left[: len(buffer)] or self._source.read1(len(buffer))
        self._left = self._left[len(part) :]
        self.given += len(part)
        buffer[: len(part)] = part
        return len(part)

    def seekable_file(self, stack: ExitStack) -> IO[bytes]:
        """Return a file of all bytes: the source itself, or a temporary copy until `stack` ends."""
        if isinstance(self._source, io.BufferedReader) and self._source.seekable():
            return self._source
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 -- the stack closes it
        shutil.copyfileobj(self, copy)
        return copy

    def text(self) -> io.TextIOWrapper:
        """Return the text; line ends are kept."""
        return io.TextIOWrapper(self, self.encoding, newline="")  # type: ignore[arg-type]

    @property
    def encoding(self) -> str:
        """The encoding, by the byte order mark, or by the zero bytes of UTF-16 without one."""
        for mark, encoding in _MARKS:
            if self.head.startswith(mark):
                return encoding
        if self.head[1:4:2] == bytes(2):  # a header and JSON begin with ASCII
            return "utf-16-le"
        return "utf-16-be" if self.head[:4:2] == bytes(2) else "utf-8-sig"


@contextmanager
def opened(source: Path | io.BufferedReader, name: str) -> Iterator[Place]:
    """Open and unpack a source; DataError: it is cut, or neither text nor Parquet."""
    place = Place(name)
    try:
        with ExitStack() as stack:
            file = stack.enter_context(source.open("rb") if isinstance(source, Path) else source)
            size = file.seek(0, os.SEEK_END) if file.seekable() else 0
            if size:
                file.seek(0)
                place.share = lambda: max(file.tell(), 1) / size
            place.stream = Stream(file)
            while unpacked := _unpacked(place, stack):
                place.stream = Stream(stack.enter_context(unpacked))
            _check_known(place.stream.head, name)
            yield place
    except UnicodeDecodeError as error:
        raise _undecodable(error, place) from error
    except (OSError, *_DAMAGED) as error:
        must, advice = f"be a whole {place.packing} file", "get the file again"
        received = f"in or after {place.next}: {one_line(error)}"
        # Of the system alone they have a number.
        if not place.packing or getattr(error, "errno", None):
            must, advice = "be a file that can be read", "check the path"
            received = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{place.name} must {must}. Received: {received}. Try: {advice}."
        ) from error


def _unpacked(place: Place, stack: ExitStack) -> Any:  # noqa: ANN401 -- IO[bytes]
    """Return what unpacks the stream, or None if it is not packed."""
    stream = place.stream
    for magic, (name, unpack) in _PACKINGS.items():
        if stream.head.startswith(magic):
            place.packing = name
            return unpack(stream)
    if not stream.head.startswith(_ZIP):
        return None
    place.packing = "ZIP"
    archive = stack.enter_context(zipfile.ZipFile(stream.seekable_file(stack)))
    names = [  # but for what macOS adds
        name for name in archive.namelist() if not name.endswith("/") and "__MACOSX/" not in name
    ]
    if "[Content_Types].xml" in names:
        raise _foreign(place.name, "an Excel or Word document", "save it as CSV")
    if len(names) != 1:
        found = f"a ZIP archive of {len(names)} files: {shortened(names, 3)}"
        raise _foreign(place.name, found.removesuffix(": "), "unzip it, and name one or more")
    try:
        return archive.open(names[0])
    except (RuntimeError, NotImplementedError) as error:  # a password, or an unknown method
        raise _foreign(place.name, f"a ZIP archive: {one_line(error)}", "unzip it") from error


_PACKINGS: dict[bytes, tuple[str, Callable[[Stream], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda stream: gzip.GzipFile(fileobj=stream)),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\0": ("xz", lzma.LZMAFile),  # type: ignore[dict-item]
    b"\x28\xb5\x2f\xfd": ("Zstandard", zstd.ZstdFile),
}


def _check_known(head: bytes, name: str) -> None:
    if head[257:262] == b"ustar":
        raise _foreign(name, "a tar archive", "extract the file that holds the issues")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for magic, (what, advice) in _FOREIGN.items():
        if start.startswith(magic):
            raise _foreign(name, what, advice)


def _foreign(name: str, received: str, advice: str) -> DataError:
    return DataError(
        f"{name} must hold issues as CSV, JSON or Parquet. Received: {received}. Try: {advice}."
    )


def _undecodable(error: UnicodeDecodeError, place: Place) -> DataError:
    # `error.start` counts from the chunk being decoded, and that chunk ends where reading is.
    offset = place.stream.given - len(error.object) + error.start
    encoding = error.encoding.upper().removesuffix("-LE").removesuffix("-BE")
    advice = "iconv -f ENCODING -t UTF-8" if encoding == "UTF-8" else "get the file again"
    return DataError(
        f"{place.name} must be {encoding}. Received: byte 0x{error.object[error.start]:02x} at "
        f"offset {offset:,}, in or after {place.next}. "
        f"Try: {advice}."
    )
