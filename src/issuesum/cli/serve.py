"""`issuesum serve`."""

from __future__ import annotations

import click


@click.command(help="Run the exported image and print a request that works.")
@click.option("--port", default=9000, show_default=True, help="Port on the loopback address.")
@click.option("--stop", is_flag=True, help="Stop the server instead.")
def command(port: int, *, stop: bool) -> None:
    from issuesum.image import serving
    from issuesum.image.engine import engine
    from issuesum.image.smoke import REQUEST
    from issuesum.lineage.receipt import Receipt
    from issuesum.params import load_params

    with engine() as client:
        if stop:
            click.echo("stopped" if serving.stop(client, port=port) else "no server was running")
            return
        receipt = Receipt.load()
        timeout = load_params().export.smoke_timeout
        server = serving.start(client, receipt, port=port, timeout=timeout)
    click.echo(f"{receipt.image} answers. Ask it:\n")
    click.echo(f"  curl -s -H 'Content-Type: application/json' -d '{REQUEST}' {server.url}\n")
    click.echo(f"It says:\n\n  {server.answer.strip()}\n")
    click.echo(f"Stop it with: .venv/bin/issuesum serve --stop --port {port}")
