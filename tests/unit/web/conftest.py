"""The page over a stub of the component."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from issuesum.training.corpus.issue import Issue
from issuesum.web.app import create_app
from issuesum.web.client import Endpoint
from seldon_stub import SeldonStub, running, toy_write


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeldonStub]:
    stub = SeldonStub(toy_write(tmp_path_factory.mktemp("bundle")))
    with running(stub) as stub.url:
        yield stub


@pytest.fixture
def stub(_server: SeldonStub) -> SeldonStub:
    """Return the component, as new."""
    _server.override = None
    _server.feedback.clear()
    return _server


@pytest.fixture
def make_page(stub: SeldonStub) -> Callable[..., FlaskClient]:
    """Return a function that makes a client of the page."""

    def make(
        *issues: Issue, url: str = stub.url, timeout: float = 20, hosts: list[str] | None = None
    ) -> FlaskClient:
        return create_app(Endpoint(url, timeout=timeout), issues, hosts=hosts).test_client()

    return make


@pytest.fixture
def page(make_page: Callable[..., FlaskClient]) -> FlaskClient:
    """Return a client of a page without issues."""
    return make_page()
