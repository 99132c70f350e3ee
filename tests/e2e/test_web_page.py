"""The page in a real browser, its server over a stub of the component."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser import chromium
from issuesum.training.corpus.issue import Issue
from issuesum.web.app import create_app
from issuesum.web.client import Endpoint
from issuesum.web.server import make_page_server, names_of
from seldon_stub import TAGS, SeldonStub, running, said, served, toy_write

pytestmark = pytest.mark.e2e
ATTACK = "<img src=x onerror=document.title='attacked'><script>document.title='attacked'</script>"
BODY = "😀 The Frobnicator crashes when <b>Bold</b> is pressed"
ISSUE = Issue("javascript:document.title='attacked'", ATTACK, f"{ATTACK}\n\n{BODY}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeldonStub]:
    stub = SeldonStub(toy_write(tmp_path_factory.mktemp("bundle")))
    with running(stub) as stub.url:
        yield stub


@pytest.fixture(scope="module")
def address(component: SeldonStub) -> Iterator[str]:
    app = create_app(Endpoint(component.url, timeout=20), [ISSUE], hosts=names_of("127.0.0.1"))
    with served(make_page_server(app, "127.0.0.1", 0)) as url:
        yield url


@pytest.fixture
def stub(component: SeldonStub, monkeypatch: pytest.MonkeyPatch) -> SeldonStub:
    """Return the component; what a test makes it say is undone."""
    monkeypatch.setattr(component, "write", component.write)
    component.feedback.clear()
    return component


@pytest.fixture
def page(browser: Browser, address: str, stub: SeldonStub) -> Iterator[Page]:  # noqa: ARG001
    """Return the page, fresh; an error of its script, or of its policy, fails the test."""
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.set_default_timeout(10_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if "Policy" in message.text else 0
    )
    page.goto(address)
    yield page
    assert wrong == []
    assert page.title() == "Titles for issues"
    page.close()


def test_a_body_gets_a_title_and_feedback_arrives(page: Page, stub: SeldonStub) -> None:
    expect(page.get_by_role("table")).to_contain_text(TAGS["image"])
    page.get_by_label("Body of the issue").fill(BODY)
    page.get_by_role("button", name="Write a title").click()
    title = page.locator("#title")
    expect(title).to_have_text("Crashes bold on bold error")
    assert page.locator("mark").all_text_contents() == ["crashes", "Bold"]
    assert page.locator("#marks").text_content() == BODY

    page.get_by_role("button", name="Good", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Thank you, your feedback has arrived.")
    page.get_by_label("Your title").fill("Bold crashes the Frobnicator")
    page.get_by_role("button", name="Send your title").click()
    expect(page.get_by_role("button", name="Send your title")).to_be_enabled()
    first, second = stub.feedback
    assert first == {
        "request": {"data": {"ndarray": [BODY]}},
        "response": {"data": {"ndarray": ["Crashes bold on bold error"]}},
        "reward": 1.0,
    }
    assert second == first | {"truth": {"data": {"ndarray": ["Bold crashes the Frobnicator"]}}}


def test_the_keyboard_alone_is_enough(page: Page, stub: SeldonStub) -> None:
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
    chosen = "crashes start app the on"
    expect(page.locator("#title")).to_have_text(chosen)
    assert "on" in page.locator("mark").all_text_contents()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Not good
    expect(page.get_by_role("status")).to_contain_text("arrived")
    expect(page.get_by_role("button", name="Not good")).to_be_focused()
    (sent,) = stub.feedback
    assert (sent["response"]["data"]["ndarray"], sent["reward"]) == ([chosen], 0.0)


def test_hostile_texts_are_shown_as_they_are(
    page: Page, stub: SeldonStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "write", said(ATTACK, ATTACK))
    page.get_by_role("button", name="Random issue").click()
    expect(page.locator("#title")).to_have_text(ATTACK)
    expect(page.locator("#real-title")).to_have_text(ATTACK)
    expect(page.locator("#marks")).to_have_text(ISSUE.body, use_inner_text=True)
    expect(page.locator("#real-link")).to_be_hidden()
    assert page.locator("main img, main script").count() == 0


def test_a_narrow_screen_needs_no_scrolling_sideways(
    page: Page, stub: SeldonStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "write", said("w" * 200, "v" * 200))
    page.get_by_label("Body of the issue").fill("x" * 500)
    page.get_by_role("button", name="Write a title").click()
    expect(page.locator("#title")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_component_that_fails_is_told_in_a_sentence(
    page: Page, stub: SeldonStub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stub, "write", lambda *_: tmp_path.joinpath("absent").read_text())
    page.get_by_label("Body of the issue").fill(BODY)
    page.get_by_role("button", name="Write a title").click()
    alert = page.locator("#error")
    expect(alert).to_contain_text("Received: HTTP 500 from /api/v1.0/predictions. Try: ")
    expect(page.locator("#result")).to_be_hidden()
