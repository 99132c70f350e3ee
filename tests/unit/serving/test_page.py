"""The page for people: static files with strict headers, at any path that an ingress has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import components
from issuesum.serving.server import page
from issuesum.training.bundle.assemble import copy_code
from projects import ROOT

FOLDER = Path(page.__file__).parent
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
PREFIX = "/seldon/models/titles"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    from seldon_core.wrapper import get_rest_microservice

    with pytest.MonkeyPatch.context() as patch:
        components.stay_alive(patch)
        made = components.component(tmp_path_factory.mktemp("component") / "app")
        yield get_rest_microservice(made, None).test_client()


@pytest.mark.parametrize("path", FILES)
def test_each_file_has_its_type_and_a_strict_policy(path: str, client: FlaskClient) -> None:
    name, kind = FILES[path]
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.data == (FOLDER / name).read_bytes()
    assert client.head(path).status_code == 200
    parts = answer.headers["Content-Security-Policy"].split("; ")
    policy = dict(part.split(" ", 1) for part in parts)
    assert policy.pop("require-trusted-types-for") == "'script'"
    own = ("script-src", "style-src", "connect-src", "img-src")
    assert {policy.pop(name) for name in own} == {"'self'"}
    assert set(policy.values()) == {"'none'"}
    assert policy.keys() >= {"default-src", "frame-ancestors", "base-uri", "form-action"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_the_page_loads_nothing_but_its_own_files() -> None:
    text = {name: (FOLDER / name).read_text(encoding="utf-8") for name, _ in FILES.values()}
    links = re.findall(r'(?:src|href|action)="([^"]*)"', text["page.html"])
    assert sorted(links) == ["icon.svg", "page.css", "page.js"]
    assert not re.search(r"<style|<script>|\son\w+=|\sstyle=", text["page.html"])
    assert set(re.findall(r'\bcall\(\s*["`]([^"`]*)', text["page.js"])) == {
        "metadata", "api/v1.0/predictions", "api/v1.0/feedback",
    }  # fmt: skip
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|cookie", text["page.js"])
    assert "url(" not in text["page.css"]
    assert "@import" not in text["page.css"]
    for name, content in text.items():
        assert "://" not in content.replace('xmlns="http://www.w3.org/2000/svg"', ""), name
        assert not re.search(r"[\"'`(]/\w", content), name


@pytest.mark.parametrize(
    "path",
    ["/page.html", "/page", "/page/", "/page/page.html", "/routes.py", "/page/__init__.py",
     "/page.js/", "/page.js/../routes.py", "/../routes.py", "/..%2froutes.py",
     "/%2e%2e/answering.py", "/page.css%00", "/static/page.js", "/PAGE.JS"],
)  # fmt: skip
def test_no_other_file_is_found(path: str, client: FlaskClient) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.is_json


@pytest.mark.parametrize("path", FILES)
def test_it_takes_nothing(path: str, client: FlaskClient) -> None:
    assert client.post(path, json={"strData": "a"}).status_code == 405


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        (PREFIX, "./titles/"),
        (f"{PREFIX}?a=b/", "./titles/"),
        ("/a%20b", "./a%20b/"),
        ("//elsewhere.example", "./elsewhere.example/"),
        ("/x/javascript:alert(1)", "./javascript:alert(1)/"),
        ("/x/elsewhere.example", "./elsewhere.example/"),
        (f"{PREFIX}/", None),
        (f"{PREFIX}/?a=b", None),
        ("", None),
    ],
)
def test_below_a_path_without_its_slash_the_browser_is_sent_on(
    asked: str, location: str | None, client: FlaskClient
) -> None:
    answer = client.get("/", headers={"X-Envoy-Original-Path": asked})
    assert answer.headers.get("Location") == location
    assert answer.status_code == (302 if location else 200)
    assert "Content-Security-Policy" in answer.headers
    script = client.get("/page.js", headers={"X-Envoy-Original-Path": f"{PREFIX}/page.js"})
    assert script.status_code == 200


def test_the_port_of_the_metrics_has_no_page() -> None:
    from seldon_core.wrapper import get_metrics_microservice

    client = get_metrics_microservice(None).test_client()
    assert {client.get(path).status_code for path in FILES} == {404}


def test_the_image_carries_the_page(tmp_path: Path) -> None:
    copy_code(tmp_path, serving=ROOT / "serving", dockerfile=ROOT / "Dockerfile")
    carried = tmp_path / "issuesum/serving/server/page"
    for name, _ in FILES.values():
        assert (carried / name).read_bytes() == (FOLDER / name).read_bytes()
