"""How fast the image answers, beside the 2018 example's way of writing a title.

    python benchmarks/serving.py [--image REF | --bundle DIR] [--issues FILE.csv]

Runs the image (by default the one that serving/image.json names; with --bundle one that it makes
of a bundle, through the engine and the registry that export would use) on the loopback address, as
strictly as production does, and asks it over HTTP for titles of real bodies: one client, eight
clients, batches. Then the example's model at its sizes writes titles as it did there, one Keras
`predict` a word; its weights are random, which changes neither its steps nor their time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import docker
from docker.models.containers import Container

import figures
from figures import Ratio
from issuesum.errors import EngineError, IssuesumError
from issuesum.layout import RAW
from issuesum.lineage.receipt import Receipt
from issuesum.shipping.image.engine import engine
from issuesum.shipping.image.smoke import HARDENED, last_words
from issuesum.shipping.image.transfer import fetch
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues
from shop import opened

PATIENCE = 600.0
BATCH = 64
MEGABYTE = 1e6


@dataclass
class Client:
    """A connection that is kept, and how long each answer took, in seconds."""

    port: int
    seconds: list[float] = field(default_factory=list)

    def ask(self, bodies: Sequence[Sequence[str]]) -> None:
        """Send a request for each element of `bodies`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        for texts in bodies:
            content = json.dumps({"data": {"ndarray": list(texts)}})
            begun = time.perf_counter()
            connection.request(
                "POST", "/api/v1.0/predictions", content, {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            said = json.loads(answer.read())
            self.seconds.append(time.perf_counter() - begun)
            if answer.status != 200:  # noqa: PLR2004
                raise EngineError(f"The server must answer. Received: {said}. Try: its log.")
        connection.close()


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shipped = parser.add_mutually_exclusive_group()
    shipped.add_argument("--image", help="registry/name:tag or @digest; by default the receipt's")
    shipped.add_argument("--bundle", type=Path, help="make an image of this bundle")
    parser.add_argument("--issues", type=Path, default=RAW, help="CSV of issues to send")
    parser.add_argument("--requests", type=int, default=400, help="of each kind")
    figures.add_option(parser)
    arguments = parser.parse_args()
    try:
        with ExitStack() as stack:
            client = stack.enter_context(engine())
            bodies = _bodies(arguments.issues)
            image = arguments.image or _image(arguments.bundle, stack)
            fetch(client, image)
            single = _measure(client, image, bodies, arguments.requests)
            ours, theirs = _print_sizes(client, image)
        example = _print_example(bodies[:5], single)
    except IssuesumError as error:
        sys.exit(f"error: {error}")
    ratios = [
        Ratio("one title: time of the 2018 example's way beside ours over HTTP", example / single),
        Ratio("bytes of TensorFlow and Keras beside all that the image adds", theirs / ours),
    ]
    figures.hand_over(ratios, arguments.json)


def _image(bundle: Path | None, stack: ExitStack) -> str:
    """Return the image of the receipt, or one made of a bundle until the stack unwinds."""
    if not bundle:
        return Receipt.load().pinned
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return str(stack.enter_context(opened(folder / "project", bundle)).export().image.reference)


def _bodies(path: Path) -> list[str]:
    found = [row.body for row in read_issues(path) if isinstance(row, Issue)]
    random.Random(0).shuffle(found)  # noqa: S311 -- no secret
    return found


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
                Client(port).ask([["The application does not start."]])
                break
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() > begun + PATIENCE:
                    raise EngineError(
                        f"{image} must answer. Received: none. {last_words(container)}"
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
        single = [[body] for body in _cycle(bodies, count)]
        _ask_all(port, single[:50], 8)  # every worker has answered before
        found = {}
        for clients in (1, 8):
            seconds, span = _ask_all(port, single, clients)
            found[clients] = statistics.median(seconds)
            print(
                f"  {f'one title, {clients} client' + 's' * (clients > 1):34}"
                f"{1e3 * found[clients]:8.1f} ms p50 {1e3 * _p99(seconds):8.1f} ms p99 "
                f"{len(seconds) / span:8.0f} titles/s"
            )
        texts = _cycle(bodies, BATCH * max(8, count // 16))
        batches = [texts[place : place + BATCH] for place in range(0, len(texts), BATCH)]
        for clients in (1, 2):
            _, span = _ask_all(port, batches, clients)
            named = f"batches of {BATCH}, {clients} client" + "s" * (clients > 1)
            print(f"  {named:34}{len(texts) / span:8.0f} titles/s")
        print(f"  {'memory after that':34}{_memory(container):8.0f} MB")
    return found[1]


def _cycle(bodies: list[str], count: int) -> list[str]:
    return [bodies[number % len(bodies)] for number in range(count)]


def _ask_all(
    port: int, requests: Sequence[Sequence[str]], clients: int
) -> tuple[list[float], float]:
    """Return the seconds of each answer, and those of all."""
    ours = [Client(port) for _ in range(clients)]
    threads = [
        threading.Thread(target=of.ask, args=(requests[place::clients],))
        for place, of in enumerate(ours)
    ]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    span = time.perf_counter() - begun
    seconds = [value for of in ours for value in of.seconds]
    if len(seconds) != len(requests):
        raise EngineError(
            f"Every request must be answered. Received: {len(seconds)} of {len(requests)}. "
            "Try: the server's log."
        )
    return seconds, span


def _p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


def _memory(container: Container) -> float:
    found = cast("dict[str, Any]", container.stats(stream=False))["memory_stats"]
    return float(found["usage"] - found["stats"].get("inactive_file", 0)) / MEGABYTE


def _print_sizes(client: docker.DockerClient, image: str) -> tuple[float, float]:
    """Print what the image weighs; return the MB that it adds, and those of TensorFlow."""
    layers: Any = client.images.get(image).history()
    steps = {layer["CreatedBy"]: layer["Size"] / MEGABYTE for layer in layers}
    # Layers of the Dockerfile stand above the base image's, and the first sets PATH.
    first = max(place for place, name in enumerate(steps) if "PATH=/venv" in name)
    ours = sum(list(steps.values())[: first + 1])
    last = ("/app/model", "provenance.json")
    moved = sum(size for name, size in steps.items() if any(path in name for path in last))
    print(f"  {'layers on top of the base image':34}{ours:8.0f} MB")
    print(f"  {'of these a retrain moves':34}{moved:8.1f} MB")
    theirs = _tensorflow_size()
    print(f"  {'TensorFlow and Keras would add':34}{theirs:8.0f} MB")
    return ours, theirs


def _tensorflow_size() -> float:
    """Return the megabytes of the packages that TensorFlow and Keras are, as installed here."""
    names = (
        "tensorflow-cpu",
        "tensorflow",
        "keras",
        "h5py",
        "ml-dtypes",
        "libclang",
        "tensorboard",
    )
    total = 0
    for name in names:
        try:
            files = metadata.files(name) or []
        except metadata.PackageNotFoundError:
            continue
        paths = (Path(str(file.locate())) for file in files if "__pycache__" not in str(file))
        total += sum(path.stat().st_size for path in paths if path.is_file())
    return total / MEGABYTE


def _print_example(bodies: Sequence[str], single: float) -> float:
    """Print how the example does, and return its median seconds of a title."""
    from keras_example import write_titles  # TensorFlow must not take time from the server

    seconds = statistics.median(write_titles(bodies))
    print("the 2018 example's way: Keras, one predict a word, in this process, without HTTP")
    print(f"  {'one title':34}{1e3 * seconds:8.0f} ms p50")
    print(f"  {'ratio to ours over HTTP':34}{seconds / single:8.0f}")
    return seconds


if __name__ == "__main__":
    main()
