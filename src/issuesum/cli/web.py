"""`issuesum web`."""

from __future__ import annotations

from pathlib import Path

import click

from issuesum.cli.shared import examples

_TIMEOUT = 30.0
"""Seconds for an answer of the endpoint; a title takes a fraction of one."""


@click.command(
    help="Serve a page on which people try the model and send feedback.",
    epilog=examples("issuesum web --endpoint http://127.0.0.1:9000   # what issuesum serve runs"),
)
@click.option("--endpoint", required=True, metavar="URL", help="A running Seldon component.")
@click.option(
    "--issues",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV for random issues.  [default: the test side of the split, if it is there]",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
def command(endpoint: str, issues: Path | None, host: str, port: int) -> None:
    from issuesum.layout import SPLIT
    from issuesum.web.app import create_app
    from issuesum.web.client import Endpoint
    from issuesum.web.issues import load_issues
    from issuesum.web.server import names_of, run

    component = Endpoint(endpoint, timeout=_TIMEOUT)
    app = create_app(component, load_issues(issues, SPLIT / "test"), hosts=names_of(host))
    run(app, host, port, lambda url: click.echo(f"{url} asks {component.url}; stop with Ctrl+C"))
