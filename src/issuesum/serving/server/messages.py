"""Seldon's messages: which texts a request holds, and how titles are sent back.

A request is a `SeldonMessage` as JSON: `data.ndarray` (a list of texts, or one column), `strData`
(one text) or `jsonData` (`{"body": …, "alternatives": n}`, or `bodies` for several). An answer has
the form of its request.
https://docs.seldon.io/projects/seldon-core/en/latest/reference/apis/internal-api.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from issuesum.serving.inference.title import Title
from issuesum.serving.server.errors import RequestError

_FORMS = ("data", "strData", "jsonData", "binData")
_KEYS = {"body", "bodies", "alternatives"}


@dataclass(frozen=True)
class Question:
    """What a request asks for.

    Attributes:
        form: the field of the message that held it.
        bodies: texts.
        alternatives: titles wanted for each.
        one: whether jsonData holds a single body.
    """

    form: Literal["data", "strData", "jsonData"]
    bodies: tuple[str, ...]
    alternatives: int = 1
    one: bool = False


def question(message: Any, *, most: int) -> Question:  # noqa: ANN401 -- whatever a client sends
    """Read a request.

    Args:
        message: a SeldonMessage as JSON.
        most: texts that a request may hold.

    Raises:
        RequestError: it holds something else.
    """
    if not isinstance(message, dict):
        raise RequestError(f"A request must be a JSON object. Received: {_name(message)}.")
    held = [form for form in _FORMS if message.get(form) is not None]
    if held == ["data"]:
        asked = Question("data", _texts(message["data"]))
    elif held == ["strData"]:
        asked = Question("strData", (_text(message["strData"], "strData"),))
    elif held == ["jsonData"]:
        asked = _structured(message["jsonData"])
    else:
        raise RequestError(
            "A request must hold one of data.ndarray, strData and jsonData. Received: "
            f"{', '.join(held) or 'none of them'}. "
            'Try: {"data": {"ndarray": ["the text of an issue"]}}.'
        )
    if len(asked.bodies) > most:
        raise RequestError(
            f"A request must hold at most {most} texts (ISSUESUM_MAX_TEXTS). "
            f"Received: {len(asked.bodies)}. Try: several requests.",
            status=413,
            reason="TOO_LARGE",
        )
    return asked


def answer(asked: Question, titles: Sequence[Sequence[Title]]) -> dict[str, Any]:
    """Return the answer's part that has the form of the request.

    Args:
        asked: the request.
        titles: for each of its bodies at least one, the best first.
    """
    if asked.form == "strData":
        return {"strData": titles[0][0].text}
    if asked.form == "jsonData":
        each = [{"titles": [described(title) for title in of_body]} for of_body in titles]
        return {"jsonData": each[0] if asked.one else {"answers": each}}
    return {"data": {"names": [], "ndarray": [of_body[0].text for of_body in titles]}}


def described(title: Title) -> dict[str, Any]:
    """Return a title with its score and words; spans are offsets in code points of the body."""
    return {
        "title": title.text,
        "score": finite(title.score),
        "words": [
            {"word": of.word, "copied": of.copied, "span": list(of.span) if of.span else None}
            for of in title.words
        ],
    }


def finite(score: float) -> float | None:
    """Return a score that JSON can hold: where there is no title, there is none."""
    return round(score, 6) if math.isfinite(score) else None


def _structured(content: Any) -> Question:  # noqa: ANN401
    example = 'Try: {"jsonData": {"body": "the text of an issue", "alternatives": 3}}.'
    if not isinstance(content, dict):
        raise RequestError(f"jsonData must be an object. Received: {_name(content)}. {example}")
    if unknown := sorted(content.keys() - _KEYS):
        raise RequestError(
            f"jsonData must hold body or bodies, and alternatives. Received: {unknown[0]!r:.60}. "
            f"{example}"
        )
    if ("body" in content) == ("bodies" in content):
        raise RequestError(
            f"jsonData must hold either body or bodies. Received: both or neither. {example}"
        )
    one = "body" in content
    bodies: tuple[str, ...]
    if one:
        bodies = (_text(content["body"], "jsonData.body"),)
    else:
        bodies = _list(content["bodies"], "jsonData.bodies")
    # Numbers of gRPC's jsonData are floats.
    wanted = content.get("alternatives", 1)
    whole = isinstance(wanted, int | float) and not isinstance(wanted, bool) and wanted % 1 == 0
    if not (whole and 1 <= wanted <= 100):  # noqa: PLR2004 -- wider than any beam that pays
        raise RequestError(
            f"jsonData.alternatives must be a whole number from 1 to 100. Received: {wanted!r:.60}."
        )
    return Question("jsonData", bodies, int(wanted), one)


def _texts(data: Any) -> tuple[str, ...]:  # noqa: ANN401
    if not isinstance(data, dict) or "ndarray" not in data:
        held = sorted(map(str, data)) if isinstance(data, dict) else _name(data)
        raise RequestError(
            f"data.ndarray must hold texts; numbers are none. Received: {held!r:.100}. "
            'Try: {"data": {"ndarray": ["the text of an issue"]}}.'
        )
    rows = data["ndarray"]
    if isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows):
        if any(len(row) != 1 for row in rows):
            raise RequestError(
                'data.ndarray must hold texts: ["…"], or one column, [["…"], …]. '
                f"Received: rows of {sorted({len(row) for row in rows})[:3]} columns."
            )
        rows = [row[0] for row in rows]
    return _list(rows, "data.ndarray")


def _list(texts: Any, name: str) -> tuple[str, ...]:  # noqa: ANN401
    if not isinstance(texts, list) or not texts:
        raise RequestError(
            f"{name} must hold texts, at least one. Received: "
            f"{'an empty list' if texts == [] else _name(texts)}."
        )
    return tuple(_text(text, f"{name} must hold texts; each") for text in texts)


def _text(text: Any, name: str) -> str:  # noqa: ANN401
    if not isinstance(text, str):
        raise RequestError(f"{name} must be a text. Received: {_name(text)}.")
    return text


def _name(value: Any) -> str:  # noqa: ANN401
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "null" if value is None else "a number")
