"""The page of the real container in a real browser, at `/` and below a path of an ingress."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect
from werkzeug import Request, Response
from werkzeug.serving import make_server

import images
import toy_bundle
from browser import chromium
from components import PROVENANCE

pytestmark = pytest.mark.e2e
IMAGE = "issuesum-test-page:1"
PREFIX = "/seldon/models/titles"
ATTACK = "<img src=x onerror=document.title='attacked'><script>document.title='attacked'</script>"
BODY = "😀 The Frobnicator crashes when <b>Bold</b> is pressed"
TITLE = "Crashes bold error bold"
PREDICTIONS = "**/api/v1.0/predictions"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("feedback")
    found.chmod(0o777)
    return found


@pytest.fixture(scope="module")
def server(
    engine: docker.DockerClient, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[images.Running]:
    model = toy_bundle.write_bundle(tmp_path_factory.mktemp("model"), seed=2)
    images.build(engine, model, tmp_path_factory.mktemp("context"), image=IMAGE)
    volumes = {str(folder): {"bind": "/feedback", "mode": "rw"}}
    environment = {"ISSUESUM_FEEDBACK_DIR": "/feedback"}
    with images.running(engine, IMAGE, volumes=volumes, environment=environment) as found:
        yield found
    engine.images.remove(IMAGE, force=True)


@contextmanager
def ingress(port: int, headers: Callable[[str], dict[str, str]]) -> Iterator[str]:
    """Serve the component below PREFIX alone, as an ingress does that takes the path away."""

    @Request.application
    def forward(request: Request) -> Response:
        if f"{request.path}/".removeprefix(PREFIX)[:1] != "/":
            return Response("no such route", 404)
        answer = requests.request(
            request.method,
            f"http://127.0.0.1:{port}/{request.path.removeprefix(PREFIX).lstrip('/')}",
            data=request.get_data(),
            headers={"Content-Type": request.mimetype, **headers(request.path)},
            allow_redirects=False,
            timeout=30,
        )
        kept = {name: value for name, value in answer.headers.items()
                if name not in ("Connection", "Content-Encoding", "Content-Length")}  # fmt: skip
        return Response(answer.content, answer.status_code, kept)

    server = make_server("127.0.0.1", 0, forward, threaded=True)
    thread = threading.Thread(target=lambda: server.serve_forever(0.05))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}{PREFIX}"
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def envoy(server: images.Running) -> Iterator[str]:
    with ingress(server.rest, lambda path: {"X-Envoy-Original-Path": path}) as url:
        yield url


@pytest.fixture
def page(browser: Browser, server: images.Running) -> Iterator[Page]:
    """Return a page at `/`; an error of its script, or of its policy, fails the test.

    So does a request to anything but this machine, where the component is.
    """
    page = browser.new_page(viewport={"width": 400, "height": 740})
    page.set_default_timeout(10_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if "Policy" in message.text else 0
    )
    page.on(
        "request",
        lambda asked: 0 if asked.url.startswith("http://127.0.0.1:") else wrong.append(asked.url),
    )
    page.goto(f"http://127.0.0.1:{server.rest}")
    yield page
    assert wrong == []
    assert page.title() == "Titles for issues"
    assert page.context.cookies() == []
    page.close()


def ask(page: Page, body: str) -> None:
    page.get_by_label("Body of the issue").fill(body)
    page.get_by_role("button", name="Write a title").click()


def answer_with(page: Page, *titles: str) -> None:
    """Let the page get these titles, each with the first word of the body copied."""

    def answer(route: Route) -> None:
        word = {"word": "w", "copied": True, "span": [0, 3]}
        written = [{"title": title, "score": -1.5, "words": [word]} for title in titles]
        route.fulfill(json={"jsonData": {"titles": written}, "meta": {"tags": {}}})

    page.route(PREDICTIONS, answer)


def rows(folder: Path) -> list[dict]:
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("at", ["/", PREFIX, f"{PREFIX}/"])
def test_a_body_gets_a_title_and_feedback_arrives(
    at: str, page: Page, envoy: str, folder: Path
) -> None:
    if at != "/":
        page.goto(envoy.removesuffix(PREFIX) + at)
        assert page.url == f"{envoy}/"
    expect(page.get_by_role("table")).to_contain_text(PROVENANCE["commit"])
    expect(page.get_by_role("table")).to_contain_text(IMAGE)
    ask(page, BODY)
    expect(page.locator("#title")).to_have_text(TITLE)
    assert page.locator("mark").all_text_contents() == ["crashes", "Bold"]
    assert page.locator("#marks").text_content() == BODY
    expect(page.locator("#words")).to_contain_text("From the body: crashes, bold.")
    expect(page.locator("#took")).to_contain_text("Answered in ")

    with page.expect_request("**/api/v1.0/feedback") as sent:
        page.get_by_role("button", name="Good", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Thank you, your feedback has arrived.")
    assert sent.value.post_data_json == {
        "request": {"data": {"ndarray": [BODY]}},
        "response": {"data": {"ndarray": [TITLE]}},
        "reward": 1,
    }
    before = len(rows(folder))
    page.get_by_label("Your title").fill("Bold crashes the Frobnicator")
    page.get_by_role("button", name="Send your title").click()
    expect(page.get_by_role("button", name="Send your title")).to_be_enabled()
    expect(page.get_by_role("status")).to_have_text("Thank you, your feedback has arrived.")
    *earlier, row = sorted(rows(folder), key=lambda row: row["received"])
    assert len(earlier) == before
    assert (row["issue_title"], row["body"]) == ("Bold crashes the Frobnicator", BODY)
    assert (row["shown"], row["reward"], row["image"]) == (TITLE, 1.0, IMAGE)


def test_an_ingress_that_passes_no_path_needs_the_slash(page: Page, server: images.Running) -> None:
    with ingress(server.rest, lambda _: {}) as url:
        page.goto(url)
        expect(page.get_by_text("Add a slash to the end of its address.")).to_be_visible()
        page.goto(f"{url}/")
        expect(page.get_by_text("Add a slash to the end of its address.")).to_be_hidden()
        page.get_by_role("button", name="Try an example").click()
        expect(page.locator("#title")).not_to_be_empty()


def test_other_ports_have_no_page(server: images.Running) -> None:
    assert requests.get(f"http://127.0.0.1:{server.metrics}/", timeout=10).status_code == 404
    with pytest.raises(requests.RequestException):
        requests.get(f"http://127.0.0.1:{server.grpc}/", timeout=10)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_label("Body of the issue")).to_be_focused()
    page.keyboard.type("the app crashes on start")
    page.keyboard.press("Control+Enter")
    radios = page.get_by_role("radio")
    expect(radios).to_have_count(3)
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(radios.first).to_be_focused()
    outline = radios.first.evaluate("each => getComputedStyle(each).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("ArrowDown")
    chosen = "crashes start app the app"
    expect(page.locator("#title")).to_have_text(chosen)
    assert "app" in page.locator("mark").all_text_contents()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    with page.expect_request("**/api/v1.0/feedback") as sent:
        page.keyboard.press("Enter")  # Not good
    expect(page.get_by_role("status")).to_contain_text("arrived")
    expect(page.get_by_role("button", name="Not good")).to_be_focused()
    assert sent.value.post_data_json["response"]["data"]["ndarray"] == [chosen]
    assert sent.value.post_data_json["reward"] == 0


def test_every_example_has_a_title(page: Page) -> None:
    shown = set()
    for _ in range(4):
        with page.expect_response(PREDICTIONS) as answer:
            page.get_by_role("button", name="Try an example").click()
        assert answer.value.ok
        expect(page.get_by_role("button", name="Try an example")).to_be_enabled()
        body = page.get_by_label("Body of the issue").input_value()
        assert page.locator("#marks").text_content() == body
        shown.add(body)
    assert len(shown) == 4


def test_hostile_texts_are_shown_as_they_are(page: Page) -> None:
    answer_with(page, ATTACK, ATTACK)
    body = f"{ATTACK}\n\n{BODY}"
    ask(page, body)
    expect(page.locator("#title")).to_have_text(ATTACK)
    expect(page.locator("#marks")).to_have_text(body, use_inner_text=True)
    assert page.locator("mark").all_text_contents() == ["<im"]
    assert page.locator("main img, main script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_needs_no_scrolling_sideways(scheme: str, page: Page) -> None:
    page.emulate_media(color_scheme=scheme)
    answer_with(page, "w" * 200, "v" * 200)
    ask(page, "x" * 500)
    expect(page.locator("#title")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}[scheme]


def test_what_cannot_be_answered_is_explained_in_a_sentence(page: Page) -> None:
    alert = page.locator("#error")
    for body, reason in (
        (" \n", "The body must hold words. Paste one first."),
        ("😀" * 65_537, "The body must have at most 65,536 characters. Shorten it."),
    ):
        ask(page, body)
        expect(alert).to_have_text(reason)
    refusal = {"status": {"code": 400, "info": "alternatives must be less"}}
    page.route(PREDICTIONS, lambda route: route.fulfill(status=400, json=refusal))
    ask(page, BODY)
    expect(alert).to_have_text("alternatives must be less")
    page.route(PREDICTIONS, lambda route: route.fulfill(status=502, json={}))
    ask(page, BODY)
    expect(alert).to_have_text("The server answers HTTP 502.")
    page.route(PREDICTIONS, lambda route: route.abort())
    ask(page, BODY)
    expect(alert).to_have_text("The server does not answer. Is it still running?")
    expect(page.locator("#result")).to_be_hidden()


def test_feedback_that_was_not_written_has_not_arrived(page: Page) -> None:
    ask(page, BODY)
    expect(page.locator("#title")).to_have_text(TITLE)
    full = {"status": {"code": 503, "info": "Feedback must be written. Received: disk full."}}
    page.route("**/api/v1.0/feedback", lambda route: route.fulfill(status=200, json=full))
    page.get_by_role("button", name="Good", exact=True).click()
    expect(page.locator("#refused")).to_have_text(full["status"]["info"])
    expect(page.get_by_role("status")).to_be_empty()
    expect(page.get_by_role("button", name="Good", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )
