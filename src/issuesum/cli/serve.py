"""`issuesum serve`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from issuesum.cli.shared import count_option, json_option, print_json, verb

if TYPE_CHECKING:
    from issuesum.shipping.local_server import Server


@verb("issuesum serve --port 9001", "issuesum serve --port 9001 --stop")
@count_option("--port", metavar="PORT", high=65535, default=9000, about="Port on localhost.")
@click.option("--stop", is_flag=True, help="Stop the server instead.")
@json_option
def command(*, port: int, stop: bool, as_json: bool) -> None:
    """Run the exported image; without Docker Engine, its bundle as a process."""
    from issuesum.lineage.receipt import Receipt
    from issuesum.shipping import local_server
    from issuesum.shipping.image.container import REQUEST
    from issuesum.shipping.image.engine import NoEngineError, engine
    from issuesum.stages.params import load_params

    if stop:
        stopped = local_server.stop_process(port)
        if not stopped:
            with engine() as client:
                stopped = local_server.stop(client, port=port)
        words = "stopped" if stopped else "no server was running"
        print_json({"stopped": stopped}) if as_json else click.echo(words)
        return
    image: str | None = None
    try:
        with engine() as client:
            receipt = Receipt.load()
            timeout = load_params().export.smoke_timeout
            server = local_server.start(client, receipt, port=port, timeout=timeout)
        image = what = receipt.image
    except NoEngineError as error:
        server = _process(port)
        why = str(error).partition("Received: ")[2].partition(". Try: ")[0]
        what = (
            f"No engine ({why}), so this is not the container: serving/bundle, as a process that "
            "other machines can reach too,"
        )
    if as_json:
        asked = {"page": server.page, "url": server.url, "request": json.loads(REQUEST)}
        print_json({"image": image, **asked, "answer": json.loads(server.answer)})
        return
    click.echo(
        f"{what} answers.\n\nIn a browser: {server.page}\nOr by a request:\n\n"
        f"  curl -s -H 'Content-Type: application/json' -d '{REQUEST}' {server.url}\n\n"
        f"Response:\n\n  {server.answer.strip()}\n\n"
        f"Stop it with: .venv/bin/issuesum serve --stop --port {port}"
    )


def _process(port: int) -> Server:
    from issuesum.layout import BUNDLE
    from issuesum.lineage.provenance.collect import collect
    from issuesum.shipping.gate import check_gate
    from issuesum.shipping.local_server import start_process
    from issuesum.stages.export import target_of
    from issuesum.stages.params import defaults, load_params
    from issuesum.stages.runner import ROOT

    params = load_params()
    target = target_of(params.export)
    made = collect(
        ROOT, image=str(target.image), made_from=target.version, params=params.model_dump(),
        defaults=defaults(), metrics=check_gate(),
    )  # fmt: skip
    timeout = params.export.smoke_timeout
    return start_process(BUNDLE, made.to_json(), port=port, timeout=timeout)
