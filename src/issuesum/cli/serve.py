"""`issuesum serve`."""

import json

import click

from issuesum.cli.shared import count_option, show, verb


@verb("issuesum serve --port 9001", "issuesum serve --port 9001 --stop")
@count_option("--port", metavar="PORT", high=65535, default=9000, about="Port on localhost.")
@click.option("--stop", is_flag=True, help="Stop the server instead.")
def command(*, port: int, stop: bool) -> None:
    """Run the exported image; without Docker Engine, its bundle as a process."""
    from issuesum.lineage.receipt import Receipt
    from issuesum.shipping import local_server
    from issuesum.shipping.image.container import REQUEST
    from issuesum.shipping.image.engine import NoEngineError, engine
    from issuesum.shipping.image.process import URL
    from issuesum.stages.params import load_params

    if stop:
        stopped = local_server.stop_process(port)
        if not stopped:
            with engine() as client:
                stopped = local_server.stop(client, port=port)
        words = "stopped" if stopped else "no server was running"
        show({"stopped": stopped}, words)
        return
    image: str | None = None
    try:
        with engine() as client:
            receipt = Receipt.load()
            timeout = load_params().export.smoke_timeout
            answer = local_server.start(client, receipt, port=port, timeout=timeout)
        image = what = receipt.image
    except NoEngineError as error:
        answer = _start_process(port)
        what = (
            f"No engine ({error.received}), so this is not the container: serving/bundle, as a "
            "process that other machines can reach too,"
        )
    url, page = URL.format(port), f"http://127.0.0.1:{port}/"
    show(
        {"image": image, "page": page, "url": url, "request": json.loads(REQUEST),
         "answer": json.loads(answer)},
        f"{what} answers.\n\nIn a browser: {page}\nOr by a request:\n\n"
        f"  curl -s -H 'Content-Type: application/json' -d '{REQUEST}' {url}\n\n"
        f"Response:\n\n  {answer.strip()}\n\n"
        f"Stop it with: .venv/bin/issuesum serve --stop --port {port}",
    )  # fmt: skip


def _start_process(port: int) -> str:
    from issuesum.layout import BUNDLE
    from issuesum.shipping.gate import check_gate
    from issuesum.shipping.local_server import start_process
    from issuesum.stages.export import provenance_of, target_of
    from issuesum.stages.params import load_params

    params = load_params()
    made = provenance_of(target_of(params.export), params, check_gate())
    return start_process(BUNDLE, made, port=port, timeout=params.export.smoke_timeout)
