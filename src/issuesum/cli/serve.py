"""`issuesum serve`."""

from __future__ import annotations

import json

import click

from issuesum.cli.shared import count_option, json_option, print_json, verb


@verb("issuesum serve --port 9001", "issuesum serve --port 9001 --stop")
@count_option("--port", metavar="PORT", high=65535, default=9000, about="Port on localhost.")
@click.option("--stop", is_flag=True, help="Stop the server instead.")
@json_option
def command(*, port: int, stop: bool, as_json: bool) -> None:
    from issuesum.lineage.receipt import Receipt
    from issuesum.shipping import local_server
    from issuesum.shipping.image.container import REQUEST
    from issuesum.shipping.image.engine import engine
    from issuesum.stages.params import load_params

    with engine() as client:
        if stop:
            stopped = local_server.stop(client, port=port)
            words = "stopped" if stopped else "no server was running"
            print_json({"stopped": stopped}) if as_json else click.echo(words)
            return
        receipt = Receipt.load()
        timeout = load_params().export.smoke_timeout
        server = local_server.start(client, receipt, port=port, timeout=timeout)
    if as_json:
        asked = {"page": server.page, "url": server.url, "request": json.loads(REQUEST)}
        print_json({"image": receipt.image, **asked, "answer": json.loads(server.answer)})
        return
    click.echo(
        f"{receipt.image} answers.\n\nIn a browser: {server.page}\nOr by a request:\n\n"
        f"  curl -s -H 'Content-Type: application/json' -d '{REQUEST}' {server.url}\n\n"
        f"Response:\n\n  {server.answer.strip()}\n\n"
        f"Stop it with: .venv/bin/issuesum serve --stop --port {port}"
    )
