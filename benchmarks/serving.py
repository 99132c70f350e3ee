"""How fast the image answers, compared with the 2018 example's way of writing a title.

Runs the image of the receipt, or one made of --bundle, as strictly as production does, and sends it
real bodies over HTTP: one client, eight clients, batches. Then the example's model at its sizes
writes titles as it did there, one Keras `predict` per word; its weights are random, which changes
neither its steps nor their time.
"""

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import docker
from docker.models.containers import Container

from common import Ratio, print_ratios, run, usable
from export import MEGABYTE, export, export_project
from issuesum.errors import EngineError
from issuesum.layout import RAW
from issuesum.lineage.receipt import Receipt
from issuesum.shipping.image.container import HARDENED, last_words
from issuesum.shipping.image.engine import engine, fetch

PATIENCE = 600.0
BATCH = 64


def ask(port: int, bodies: Sequence[Sequence[str]]) -> list[float]:
    """Send a request for each element of `bodies` over one connection; return their seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    seconds = []
    for texts in bodies:
        content = json.dumps({"data": {"ndarray": list(texts)}})
        begun = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/api/v1.0/predictions", content, headers)
        answer = connection.getresponse()
        received = json.loads(answer.read())
        seconds.append(time.perf_counter() - begun)
        if answer.status != 200:  # noqa: PLR2004
            raise EngineError(f"The server must answer. Received: {received}. Try: its log.")
    connection.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shipped = parser.add_mutually_exclusive_group()
    shipped.add_argument("--image", help="registry/name:tag or @digest; by default the receipt's")
    shipped.add_argument("--bundle", type=Path, help="make an image of this bundle")
    parser.add_argument("--issues", type=Path, default=RAW, help="CSV of issues to send")
    parser.add_argument("--requests", type=int, default=400, help="of each kind")
    given = parser.parse_args()
    with ExitStack() as stack:
        client = stack.enter_context(engine())
        bodies = [issue.body for issue in usable(given.issues)]
        random.Random(0).shuffle(bodies)  # noqa: S311 -- no secret
        image = given.image or _image(given.bundle, stack)
        fetch(client, image)
        single = _measure(client, image, bodies, given.requests)
        ours, theirs = _print_sizes(client, image)
    example = _print_example(bodies[:5])
    print_ratios([
        Ratio("one title: time of the 2018 example's way vs. ours over HTTP", example / single),
        Ratio("bytes of TensorFlow and Keras vs. all that the image adds", theirs / ours),
    ])  # fmt: skip


def _image(bundle: Path | None, stack: ExitStack) -> str:
    """Return the image of the receipt, or one made of a bundle until the stack unwinds."""
    if not bundle:
        return Receipt.load().pinned
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    project = stack.enter_context(export_project(folder / "project", bundle))
    return str(export(project)[1].reference)


@contextmanager
def _running(client: docker.DockerClient, image: str) -> Iterator[tuple[Container, int, float]]:
    """Give the container, its port and the seconds from its start to the first answer."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    begun = time.monotonic()
    container = client.containers.run(
        image, detach=True, ports={"9000/tcp": ("127.0.0.1", port)}, **HARDENED
    )
    try:
        while True:
            try:
                ask(port, [["The application does not start."]])
                break
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() > begun + PATIENCE:
                    raise EngineError(
                        f"{image} must answer. {last_words(container.logs())}"
                    ) from error
                time.sleep(0.05)
        yield container, port, time.monotonic() - begun
    finally:
        container.remove(force=True)


def _measure(client: docker.DockerClient, image: str, bodies: list[str], count: int) -> float:
    """Print what the server does; return the median seconds of a single title."""
    with _running(client, image) as (container, port, start):
        print(f"{os.cpu_count()} cores, image {image}")
        print(f"  {'start to first answer':34}{start:8.2f} s")
        print(f"  {'memory at rest':34}{_memory(container):8.0f} MB")
        single = [[body] for body in cycled(bodies, count)]
        ask_all(port, single[:50], 8)  # every worker has answered before
        found = {}
        for clients in (1, 8):
            seconds, span = ask_all(port, single, clients)
            found[clients] = statistics.median(seconds)
            named, p99 = f"one title, {clients} at once", statistics.quantiles(seconds, n=100)[98]
            print(f"  {named:34}{1e3 * found[clients]:8.1f} ms p50 {1e3 * p99:8.1f} ms p99 "
                  f"{len(seconds) / span:8.0f} titles/s")  # fmt: skip
        texts = cycled(bodies, BATCH * max(8, count // 16))
        batches = [texts[place : place + BATCH] for place in range(0, len(texts), BATCH)]
        for clients in (1, 2):
            _, span = ask_all(port, batches, clients)
            named = f"batches of {BATCH}, {clients} at once"
            print(f"  {named:34}{len(texts) / span:8.0f} titles/s")
        print(f"  {'memory after that':34}{_memory(container):8.0f} MB")
    return found[1]


def cycled(bodies: list[str], count: int) -> list[str]:
    return [bodies[number % len(bodies)] for number in range(count)]


def ask_all(
    port: int, requests: Sequence[Sequence[str]], clients: int
) -> tuple[list[float], float]:
    """Return the seconds of each answer, and those of all, with so many clients at once."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        parts = pool.map(ask, [port] * clients, [requests[of::clients] for of in range(clients)])
        seconds = [value for part in parts for value in part]
    return seconds, time.perf_counter() - begun


def _memory(container: Container) -> float:
    found = cast("dict[str, Any]", container.stats(stream=False))["memory_stats"]
    return float(found["usage"] - found["stats"].get("inactive_file", 0)) / MEGABYTE


def _print_sizes(client: docker.DockerClient, image: str) -> tuple[float, float]:
    """Print what the image weighs; return the MB that it adds, and those of TensorFlow."""
    layers: Any = client.images.get(image).history()
    added = [layer for layer in layers if layer["CreatedBy"] != "base image"]
    last = ("/app/model", "provenance.json")
    moved = [layer for layer in added if any(path in layer["CreatedBy"] for path in last)]
    ours, again = (sum(layer["Size"] for layer in of) / MEGABYTE for of in (added, moved))
    theirs = tensorflow_size()
    print(f"  {'layers on top of the base image':34}{ours:8.0f} MB")
    print(f"  {'of these a retrain moves':34}{again:8.1f} MB")
    print(f"  {'TensorFlow and Keras would add':34}{theirs:8.0f} MB")
    return ours, theirs


def tensorflow_size() -> float:
    """Return the megabytes of the packages that TensorFlow and Keras are, as installed here."""
    names = {"tensorflow-cpu", "tensorflow", "keras", "h5py", "ml-dtypes", "libclang"}
    names.add("tensorboard")
    files = [
        Path(str(file.locate()))
        for distribution in metadata.distributions()
        if distribution.name.lower().replace("_", "-") in names
        for file in distribution.files or []
        if "__pycache__" not in str(file)
    ]
    return sum(path.stat().st_size for path in files if path.is_file()) / MEGABYTE


def _print_example(bodies: Sequence[str]) -> float:
    """Print how the example does, and return its median seconds of a title."""
    from keras_example import write_titles  # TensorFlow must not take time from the server

    seconds = statistics.median(write_titles(bodies))
    print("the 2018 example's way: Keras, one predict per word, in this process, without HTTP")
    print(f"  {'one title':34}{1e3 * seconds:8.0f} ms p50")
    return seconds


if __name__ == "__main__":
    run(main)
