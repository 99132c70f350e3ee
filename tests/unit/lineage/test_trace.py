"""From a tag, a digest, an id or a bundle to where it comes from; as a tree and as a page."""

from __future__ import annotations

import html.parser
import json
import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree as ET

import pytest

import provenances
from issuesum import console
from issuesum.errors import ArtifactError, EngineError, ParamsError, RegistryError
from issuesum.lineage.dvc import hash_of
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Artefact, Provenance
from issuesum.lineage.provenance.trace import Image, Trace
from issuesum.lineage.provenance.trace import trace as trace_by
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.reporting import provenance_page as facts
from issuesum.lineage.reporting.provenance_page import page, picture, text_of
from issuesum.registry.image import RemoteImage
from issuesum.registry.labels import labels_of
from issuesum.registry.reference import Reference

DIGEST = "sha256:" + "ab" * 32
NAME = "registry.example.com/name"
EVIL = "<script>alert('x')</script> & \"y\" \x1b[31m"
FORMAT_1 = (
    "image", "git", "dvc", "commit", "dirty", "source", "created", "hashes", "lock", "params",
    "metrics", "tools",
)  # fmt: skip


def of_image(provenance: dict[str, Any], *disagreements: str) -> Trace:
    image = Image(f"{NAME}@{DIGEST}", DIGEST, 141_900_000, {"a": EVIL}, disagreements)
    return Trace(provenances.read(provenance), image)


def format_1() -> dict[str, Any]:
    known = provenances.provenance()
    return {"format": 1, **{key: known[key] for key in FORMAT_1}}


def test_the_tree_goes_from_the_image_to_the_raw_data() -> None:
    lines = text_of(of_image(provenances.dirty())).splitlines()
    tree = lines[3:9]
    names = [re.split(r"  |(?<=data) ", line.strip("└─ "))[0] for line in tree]
    assert [name.split()[0] for name in names] == [
        "image", "bundle", "model", "features", "split", "raw"
    ]  # fmt: skip
    assert "abababababab  141.9 MB" in tree[0]
    assert re.search(r"b7cde7b7ad58 +5\.9 MB, 2 files +train, 4 min 10 s, cpu +2026-11-25 13:09 UTC"
                     r" +Ada Lovelace @ engine-1$", tree[2])  # fmt: skip
    assert tree[5].endswith("ad365add0125  2.5 MB, 4,000 rows")
    text = "\n".join(lines)
    assert f"commit    {provenances.COMMIT}\n          Train on the issues of November\n" in text
    assert "Ada Lovelace <ada@example.com>, 2026-11-25T12:00:00+00:00, https://git.example" in text
    assert "patch     src/a.py\n          src/ü.py\n" in text
    assert "params    train.epochs: 12 → 3\n          build.decoding.beam_width: 4 → none\n" in text
    assert re.search(r"this model +96\.40 +95\.40 +96\.40 +96\.10\n", text)
    assert "gate      passed" in text
    assert "tools     dvc 3.67.1, keras 3.15.1" in text


def test_an_older_format_is_read_from_its_lock_and_the_rest_is_unknown() -> None:
    text = text_of(of_image(format_1()))
    assert re.search(r"features +e0403b1a1899 +2\.4 MB, 6 files +preprocess\n", text)
    assert "message unknown\n          author unknown" in text
    assert "remote    unknown" in text
    assert "params    unknown which differ" in text
    assert "patch     none: the tree was clean" in text
    assert "rows" not in text
    is_dirty = text_of(of_image({**format_1(), "dirty": True}))
    assert "patch     unknown" in is_dirty


@pytest.mark.parametrize(
    "wrong",
    [
        {"artefacts": [{"name": "raw", "started": "once"}], "metrics": {"model": 1}},
        {"lock": "stages: []", "artefacts": None, "patch": {"base64": "x"}},
        {"metrics": {"model": {"rouge_1": "x"}, "gate": {"passed": False, "reasons": ["low"]}}},
        {"remote": {}, "created": "yesterday", "git": None, "dirty": None},
    ],
)
def test_what_is_missing_in_a_provenance_is_unknown_and_no_traceback(wrong: dict) -> None:
    found = of_image({**provenances.dirty(), **wrong})
    assert facts.UNKNOWN in text_of(found) + page(found)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"artefacts": [{"name": "raw", "size": "x"}]}, "artefacts of the wrong kind"),
        ({"hashes": [], "metrics": "x"}, "hashes of the wrong kind, metrics of the wrong kind"),
        ({"message": 5}, "message of the wrong kind"),
    ],
)
def test_what_is_of_another_kind_is_refused_by_name(wrong: dict, named: str) -> None:
    content = json.dumps({**provenances.dirty(), **wrong}).encode()
    with pytest.raises(ArtifactError, match=f"Received: {named}. Try: an image that"):
        Provenance.parse(content, NAME)


TEXTS = {
    "git", "dvc", "commit", "message", "author", "committed", "source", "created", "user",
    "requirements", "lock",
}  # fmt: skip
TABLES = {"params", "changed_params", "metrics", "tools", "patch", "remote"}


def test_a_provenance_of_any_format_has_all_keys() -> None:
    known = Trace(provenances.read({}), None).as_json()["provenance"]
    assert known.keys() >= TEXTS | TABLES | {"format", "image", "dirty", "hashes"}
    assert {key for key, value in known.items() if value} == set()
    right = dict.fromkeys(TEXTS, "x")
    assert {key: getattr(provenances.read(right), key) for key in TEXTS} == right
    assert provenances.read({"dirty": True, "more": 1}).dirty is True


def test_artefacts_that_are_listed_go_before_those_of_the_lock() -> None:
    read = provenances.read
    chain = read({"lock": provenances.LOCK, "hashes": {"bundle": provenances.BUNDLE}}).artefacts
    assert [item.name for item in chain] == ["raw", "split", "features", "model", "bundle"]
    assert (chain[4].size, chain[4].nfiles) == (6439688, 40)
    assert read({"lock": provenances.LOCK}).artefacts[4].size is None
    listed = read({"lock": provenances.LOCK, "artefacts": [{"name": "raw"}]})
    assert listed.artefacts == (Artefact(name="raw"),)
    assert read({"lock": "stages: ["}).artefacts == ()


def test_a_commit_message_cannot_control_the_terminal() -> None:
    text = text_of(of_image(provenances.provenance(message=EVIL)))
    assert "\x1b" not in text
    assert "<script>" in text


class _Reader(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value or "" for name, value in attrs if name != "content"]
        if tag not in ("meta", "br", "rect", "path", "polygon"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("key", ["message", "author", "user", "source", "commit", "git", "lock"])
def test_the_page_escapes_everything_and_loads_nothing(key: str) -> None:
    known = provenances.dirty(**{key: EVIL}, tools={EVIL: EVIL}, changed_params={EVIL: [EVIL, 1]})
    known["artefacts"][0]["host"] = known["artefacts"][0]["md5"] = EVIL
    text = page(of_image(known, EVIL))
    read = _Reader(text)
    assert read.open == []
    assert not {"script", "link", "img", "iframe", "a", "object"} & set(read.tags)
    assert not any("//" in value for value in read.values)
    assert not any(name in text for name in ("url(", "@import", "javascript:"))
    assert "&lt;script&gt;alert(" in text


@pytest.mark.parametrize("key", ["message", "author", "user", "commit"])
def test_the_picture_is_one_svg_that_loads_nothing(key: str) -> None:
    drawn = picture(of_image(provenances.dirty(**{key: EVIL})))
    read = ET.fromstring(drawn)  # noqa: S314 - written by ourselves
    names = [item.tag.partition("}")[2] for item in read.iter()]
    assert names[0] == "svg"
    assert set(names) == {"svg", "style", "g", "rect", "text", "path", "polygon"}
    shown = " ".join(read.itertext())
    for item in provenances.provenance()["artefacts"]:
        assert item["md5"][:12] in shown
    assert not any(name in shown for name in ("url(", "@import"))


def test_the_page_shows_the_drawing_and_every_hash() -> None:
    text = page(of_image(provenances.dirty()))
    assert text.count("<svg ") == 1
    for item in provenances.provenance()["artefacts"]:
        assert text.count(item["md5"][:12]) >= 2  # in the drawing and in the table
    bundle = page(Trace(provenances.read(provenances.provenance()), None))
    assert ">image</text>" not in bundle
    assert bundle.count("<svg ") == 1
    assert page(of_image(provenances.dirty())) == text


def trace(text: str | None, *, default: str | None, read_local: mock.Mock | None = None) -> Trace:
    """Trace where, by default, no engine may be asked."""
    return trace_by(
        text,
        default=default,
        read_local=read_local or mock.Mock(side_effect=OSError),
        defaults={"train": {"epochs": 12}},
    )


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what a registry that holds one image is asked and answers."""
    known = {"provenance": provenances.provenance(), "labels": None, "asked": []}

    def look_up(text: str | None, *, default: str | None) -> Found:
        known["asked"].append((text, default))
        if text != provenances.TAG:
            raise RegistryError("no such image there")
        content = json.dumps(known["provenance"], indent=2).encode()
        labels = known["labels"] or labels_of(content)
        image = RemoteImage(Reference.parse(f"{NAME}@{DIGEST}"), 5, labels, "", ())
        return Found(image, Provenance.parse(content, NAME), content)

    monkeypatch.setattr("issuesum.lineage.provenance.trace.look_up", look_up)
    return known


def test_a_registry_is_asked_and_labels_are_compared(registry: dict) -> None:
    found = trace(provenances.TAG, default=NAME)
    assert registry["asked"] == [(provenances.TAG, NAME)]
    assert found.image
    assert (found.image.digest, found.image.disagreements) == (DIGEST, ())
    registry["labels"] = {"io.issuesum.git": "ffffffffffff", "io.issuesum.dvc": "9d8e7f6a5b4c"}
    (line,) = trace(provenances.TAG, default=NAME).image.disagreements
    assert line == "label io.issuesum.git is 'ffffffffffff', the provenance says '3f2c1ab4d5e6'"


def test_a_digest_may_be_an_image_id_of_this_machine(registry: dict) -> None:
    content = json.dumps(registry["provenance"], indent=2).encode()
    attrs = {"Id": DIGEST, "Size": 7, "Config": {"Labels": None}}
    asked = mock.Mock(return_value=(attrs, content))
    image = trace(DIGEST, default=NAME, read_local=asked).image
    assert (image.reference, image.digest, image.size) == (DIGEST, DIGEST, 7)
    found = trace("ab" * 6, default=None, read_local=asked)
    assert found.provenance.commit == provenances.COMMIT
    assert [call.args for call in asked.call_args_list] == [(DIGEST,), ("ab" * 6,)]
    assert len(registry["asked"]) == 1
    asked.side_effect = EngineError("no engine")
    with pytest.raises(RegistryError, match="no such image there"):
        trace(DIGEST, default=NAME, read_local=asked)
    assert asked.call_count == 3


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"{NAME}:other", f"{NAME}:other"),
        ("0" * 12 + "-" + "0" * 12, f"{NAME}:{'0' * 12}-{'0' * 12}"),
        ("receipt.json", f"{NAME}@{DIGEST}"),
    ],
)
def test_what_its_registry_does_not_give_may_be_in_the_engine(
    text: str, named: str, registry: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Receipt(f"{NAME}:v1", DIGEST, "g", "d").save(Path("receipt.json"))
    content = json.dumps(registry["provenance"], indent=2).encode()
    attrs = {"Id": "sha256:1", "Size": 7, "Config": {"Labels": None}}
    asked = mock.Mock(return_value=(attrs, content))
    assert trace(text, default=NAME, read_local=asked).image.digest == "sha256:1"
    asked.assert_called_once_with(named)
    for nothing in (None, EngineError("no engine")):
        asked = mock.Mock(side_effect=[nothing])
        with pytest.raises(RegistryError, match="no such image there"):
            trace(text, default=NAME, read_local=asked)


@pytest.mark.parametrize("text", ["titles:v1", "titles", "team/titles:v1"])
def test_an_image_without_a_registry_in_its_name_is_looked_for_here_before_docker_hub(
    text: str, registry: dict
) -> None:
    content = json.dumps(registry["provenance"], indent=2).encode()
    attrs = {"Id": "sha256:1", "Size": 7, "Config": {"Labels": None}}
    asked = mock.Mock(return_value=(attrs, content))
    assert trace(text, default=NAME, read_local=asked).image.digest == "sha256:1"
    asked.assert_called_once_with(text)
    assert registry["asked"] == []
    for nothing in (None, EngineError("no engine")):
        with suppress(RegistryError, ParamsError):
            trace(text, default=NAME, read_local=mock.Mock(side_effect=[nothing] * 2))
        assert registry["asked"].pop() == (text, NAME)


@pytest.mark.parametrize("text", [provenances.TAG, DIGEST])
def test_without_a_default_a_tag_alone_is_refused(text: str) -> None:
    with pytest.raises(ParamsError, match=r"alone needs a repository.*ISSUESUM_REGISTRY"):
        trace(text, default=None)


def test_a_bundle_is_found_in_the_history_of_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    def commit(message: str, **files: str) -> str:
        for name, text in files.items():
            path = tmp_path / name.replace("_", ".").replace("/.", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        for command in (["add", "--all"], [*who, "commit", "--quiet", "--message", message]):
            subprocess.run(["git", *command], cwd=tmp_path, check=True)
        return subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True,
                              capture_output=True, text=True).stdout.strip()  # fmt: skip

    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    for name in (".dvc/config", "serving/bundle/model"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    bundle = tmp_path / "serving/bundle"
    ours = provenances.LOCK.replace(provenances.BUNDLE, hash_of(bundle, tmp_path))
    metrics = {"eval/metrics_json": json.dumps(provenances.METRICS)}
    params = {"params_yaml": "train: {epochs: 3}\n"}
    commit("Before", dvc_lock=provenances.LOCK, **params)
    made = commit("Make it", dvc_lock=ours, **metrics)
    commit("Make another", dvc_lock=provenances.LOCK, params_yaml="train: {epochs: 4}\n")
    commit("Break the lock", dvc_lock="stages: [")
    commit("Make it again", dvc_lock=ours)
    found = trace(str(bundle), default=None)
    assert found.image is None
    known = found.provenance
    assert (known.commit, known.message) == (made, "Make it")
    assert known.params == {"train": {"epochs": 3}}
    assert known.metrics["model"]["rouge_l"] == 96.4
    assert known.changed_params["train.epochs"] == [12, 3]
    assert f"{hash_of(bundle, tmp_path)[:12]}  6.4 MB, 40 files" in text_of(found)
    (bundle / "model").write_text("others")
    with pytest.raises(ArtifactError, match=r"A commit must record the bundle.*fetch --unshallow"):
        trace(str(bundle), default=None)


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_960, "1.0 MB"),
     (141_900_000, "141.9 MB"), (2_500_000_000_000, "2.5 TB"), (10**16, "10000.0 TB")],
)  # fmt: skip
def test_sizes_are_human(size: int, shown: str) -> None:
    assert console.human_size(size) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0.0 s"), (12.24, "12.2 s"), (59.99, "1 min 0 s"), (250, "4 min 10 s"),
     (3599.8, "1 h 0 min"), (7260, "2 h 1 min")],
)  # fmt: skip
def test_durations_are_human(seconds: float, shown: str) -> None:
    assert console.duration(seconds) == shown
