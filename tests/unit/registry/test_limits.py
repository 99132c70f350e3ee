"""An image that would fill memory or disk of whoever looks at it."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from backports import zstd

from issuesum.errors import ArtifactError, IssuesumError
from issuesum.registry import image as module
from issuesum.registry.client import UNPACKED, Registry
from issuesum.registry.image import RemoteImage, read_file, read_folder, read_image
from issuesum.registry.reference import Reference
from registry_stub import Answer, serve
from stored_images import StoredImages, tar

WANTED = "app/provenance.json"
ZEROS = bytes(2**20)


def bomb() -> bytes:
    """Return 80 MiB in 80 kB."""
    return gzip.compress(tar({WANTED: ZEROS * 80}), mtime=0)


def bomb_in_another_wrapping() -> bytes:
    return gzip.compress(lzma.compress(tar({WANTED: ZEROS * 80}), preset=0), mtime=0)


def zstd_bomb() -> bytes:
    """Return 80 MiB in 8 kB, after a frame that is to be skipped."""
    return b"\x50\x2a\x4d\x18\x01\0\0\0x" + zstd.compress(tar({WANTED: ZEROS * 80}))


def bomb_of_names() -> bytes:
    """Return an archive whose only file has a name of 60 MiB."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("x" * 60 * 2**20))
    return zstd.compress(content.getvalue())


def backwards() -> bytes:
    """Return an archive whose file ends before it begins, so that it is read for ever."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("x")
        entry.pax_headers = {"size": "-2048"}
        archive.addfile(entry)
    return content.getvalue()


def sparse() -> bytes:
    """Return a tar of a file that says to be 1 TiB of zeros (GNU's form of 1.0)."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo(WANTED)
        data = b"1\n1099511627776\n0\n".ljust(512, b"\0")
        entry.size = len(data)
        entry.pax_headers = {
            "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": WANTED,
            "GNU.sparse.realsize": str(2**40),
        }  # fmt: skip
        archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(content.getvalue(), mtime=0)


@pytest.fixture
def stored() -> StoredImages:
    return StoredImages()


@pytest.fixture
def registry(stored: StoredImages, monkeypatch, tmp_path: Path) -> Iterator[Registry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nobody"))
    with serve(stored) as (host, _):
        yield Registry(host)


def image_of(
    registry: Registry, stored: StoredImages, layer: bytes, **changes: int | str
) -> RemoteImage:
    descriptor = stored.blob("titles", layer)
    reference = Reference.parse(f"{registry.host}/titles:v1")
    return RemoteImage(reference, 1, {}, "", ({**descriptor, **changes},))


@pytest.mark.parametrize(
    "make",
    [bomb, zstd_bomb, bomb_in_another_wrapping, bomb_of_names, backwards, sparse],
)
def test_a_small_layer_that_becomes_large_is_not_taken_into_memory(
    make: Callable[[], bytes], stored: StoredImages, registry: Registry
) -> None:
    image = image_of(registry, stored, make())
    tracemalloc.start()
    try:
        with pytest.raises(
            ArtifactError, match=r"at most 67,108,864|must be a tar|must hold|The header"
        ):
            read_file(registry, image, WANTED)
        assert tracemalloc.get_traced_memory()[1] < 3 * UNPACKED
    finally:
        tracemalloc.stop()


def test_the_files_of_a_layer_are_not_kept_in_memory(
    stored: StoredImages, registry: Registry
) -> None:
    many = zstd.compress(tar({"x": b""})[:512] * 8_000)  # 4 MB, and 8 MB as objects of tarfile
    image = image_of(registry, stored, many)
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match="must hold /app/prov"):
            read_file(registry, image, WANTED)
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


def test_a_layer_larger_than_its_declared_size_is_cut_off(
    stored: StoredImages, registry: Registry
) -> None:
    image = image_of(registry, stored, ZEROS * 9, size=1)
    with pytest.raises(ArtifactError, match="must be at most 8,388,608 bytes"):
        read_file(registry, image, WANTED)


def test_an_answer_that_unpacks_itself_is_cut_off() -> None:
    packed = gzip.compress(ZEROS * 9)
    with serve(lambda _: Answer(200, packed, {"Content-Encoding": "gzip"})) as (host, _):
        reference = Reference.parse(f"{host}/titles:v1")
        with pytest.raises(ArtifactError, match=r"the manifest of .* must be at most"):
            read_image(Registry(host), reference)


def test_json_that_is_too_deep_is_one_line() -> None:
    with (
        serve(lambda _: Answer(200, b"[" * 200_000)) as (host, _),
        pytest.raises(IssuesumError) as refused,
    ):
        read_image(Registry(host), Reference.parse(f"{host}/titles:v1"))
    assert "\n" not in str(refused.value)


def test_a_folder_of_which_a_header_is_large_is_refused(
    stored: StoredImages, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match="The header of a file in a layer must be at most"):
        read_folder(registry, image_of(registry, stored, bomb_of_names()), "app/model", tmp_path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_layers_are_plain_or_packed_by_gzip_or_zstd(
    pack: Callable[[bytes], bytes], stored: StoredImages, registry: Registry, tmp_path: Path
) -> None:
    content = tar({"./" + WANTED: b"{}", "app/model/a": b"a", "app/model/b/c": ZEROS})
    image = image_of(registry, stored, pack(content))
    assert read_file(registry, image, WANTED) == b"{}"
    read_folder(registry, image, "app/model", tmp_path)
    assert (tmp_path / "a").read_bytes() == b"a"
    assert (tmp_path / "b/c").read_bytes() == ZEROS


@pytest.mark.parametrize(
    "content",
    [
        b"no archive at all",
        lzma.compress(tar({WANTED: b"{}"})),
        gzip.compress(tar({WANTED: ZEROS}))[:-99],
        zstd.compress(tar({WANTED: ZEROS}))[:-9],
        b"\x1f\x8b\x08\0\0\0\0\0\0\0" + b"\xff" * 99,
    ],
)
def test_a_layer_that_cannot_be_read_is_named(
    content: bytes, stored: StoredImages, registry: Registry, tmp_path: Path
) -> None:
    image = image_of(registry, stored, content, mediaType="application/x+encrypted")
    why = rf"{image.layers[0]['digest']} \(application/x\+encrypted\).*gzip or zstd|zstd: \S+ \(app"
    with pytest.raises(ArtifactError, match=why) as refused:
        read_file(registry, image, WANTED)
    assert "\n" not in str(refused.value)
    with pytest.raises(ArtifactError, match=why):
        read_folder(registry, image, "app/model", tmp_path)


def test_layers_that_are_not_read_are_not_reported_to_lack_a_file(
    stored: StoredImages, registry: Registry
) -> None:
    image = image_of(registry, stored, b"", size=2**30)
    with pytest.raises(ArtifactError, match="without it in its layers of at most 8,388,608 bytes"):
        read_file(registry, image, WANTED)


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (("LARGEST", 5_000), "A layer, unpacked, must be at most 5,000 bytes"),
        (("_FILES", 4), "The folder /app/model must be at most 4 files"),
        (("_FILES", 5), None),
    ],
)
def test_a_folder_has_an_end(
    stored: StoredImages,
    registry: Registry,
    tmp_path: Path,
    monkeypatch,
    bound: tuple[str, int],
    *,
    expected: str | None,
) -> None:
    name, most = bound
    monkeypatch.setattr(module, name, most)
    layer = gzip.compress(tar({f"app/model/{n}": b"x" * 1000 for n in range(5)}))
    image = image_of(registry, stored, layer)
    with pytest.raises(ArtifactError, match=expected) if expected else nullcontext():
        read_folder(registry, image, "app/model", tmp_path)
    # None that is too many was written.
    assert len(list(tmp_path.iterdir())) <= (most if name == "_FILES" else 5)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "hard"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
    ],
)
def test_only_files_come_out_of_an_image(
    stored: StoredImages, registry: Registry, tmp_path: Path, kind: bytes, name: str
) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        odd = tarfile.TarInfo(f"app/model/{name}")
        odd.type, odd.linkname = kind, "/etc/passwd"
        archive.addfile(odd)
        entry = tarfile.TarInfo("app/model/decoding.json")
        entry.mode = 0o4777
        archive.addfile(entry)
    read_folder(registry, image_of(registry, stored, content.getvalue()), "app/model", tmp_path)
    (found,) = tmp_path.iterdir()
    assert found.name == "decoding.json"
    assert found.stat().st_mode & 0o7022 == 0  # neither setuid nor for others to write
