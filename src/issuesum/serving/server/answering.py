"""From a request to its answer, whatever protocol it came by."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from issuesum.serving.inference.check import PROBE
from issuesum.serving.inference.writer import Seen, TitleWriter
from issuesum.serving.server import measures
from issuesum.serving.server.errors import NotLoadedError, RequestError
from issuesum.serving.server.limits import Limits
from issuesum.serving.server.messages import answer, question


class Answering:
    """A model behind Seldon's messages; safe to call from several threads once it is loaded."""

    def __init__(self, limits: Limits, tags: dict[str, str]) -> None:
        """Remember what is not the model.

        Args:
            limits: of a request.
            tags: that every answer bears.
        """
        self.limits, self.tags = limits, tags
        self._writer: TitleWriter | None = None

    def load(self, folder: Path) -> None:
        """Load a bundle's `model` folder.

        Raises:
            ArtifactError: something is missing, broken or does not fit together.
        """
        self._writer = TitleWriter(folder, threads=self.limits.threads)

    @property
    def writer(self) -> TitleWriter:
        """The model.

        Raises:
            NotLoadedError: there is none yet.
        """
        if self._writer is None:
            raise NotLoadedError
        return self._writer

    def check(self) -> list[str]:
        """Write a title for a made-up issue.

        Raises:
            NotLoadedError: the model is not loaded yet.
        """
        return self.writer.titles([PROBE])

    def answer(self, message: Any) -> dict[str, Any]:  # noqa: ANN401 -- whatever a client sends
        """Answer a SeldonMessage, given as JSON, with another; what is refused bears `status`."""
        started = time.perf_counter()
        try:
            asked = question(message, most=self.limits.texts)
            seen = Seen()
            written = self.writer.write(asked.bodies, alternatives=asked.alternatives, seen=seen)
        except RequestError as error:
            return {**error.as_status(), "meta": {"tags": self.tags}}
        told = measures.of_titles(
            [best for best, *_ in written],
            seen=seen,
            seconds=time.perf_counter() - started,
        )
        return {"meta": {"tags": self.tags, "metrics": told}, **answer(asked, written)}
