"""Seldon's messages: which texts a request holds, how titles are sent back, how it is refused.

A request is a `SeldonMessage` as JSON: `data.ndarray` (a list of texts, or one column), `strData`
(one text) or `jsonData` (`{"body": …, "alternatives": n}`, or `bodies` for several).
https://docs.seldon.io/projects/seldon-core/en/latest/reference/apis/internal-api.html
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from issuesum.serving.inference.writer import Title

_FORMS = ("data", "strData", "jsonData", "binData")
_META = {"puid": str, "tags": dict, "requestPath": dict}
_EXAMPLE = 'Try: {"data": {"ndarray": ["the text of an issue"]}}.'


class RequestError(Exception):
    """A request is refused, with a status of HTTP and, next to the message, a word for programs."""

    def __init__(self, message: str, *, status: int = 400, reason: str = "BAD_REQUEST") -> None:
        """Keep all three."""
        super().__init__(message)
        self.status, self.reason = status, reason

    def as_status(self) -> dict[str, Any]:
        """Return Seldon's message (`SeldonMessage.status`) of the refusal."""
        kept = {"code": self.status, "status": "FAILURE", "reason": self.reason, "info": str(self)}
        return {"status": kept}


@dataclass(frozen=True)
class TitleRequest:
    """What a request asks for."""

    form: Literal["data", "strData", "jsonData"]
    bodies: tuple[str, ...]
    alternatives: int = 1
    one: bool = False  # whether jsonData holds a single body
    column: bool = False  # whether data.ndarray is one column, [["…"], …]


def read_request(message: Any, *, most: int) -> TitleRequest:  # noqa: ANN401 -- whatever a client sends
    """Read a SeldonMessage, given as JSON; RequestError if it is none or has over `most` texts."""
    if not isinstance(message, dict):
        raise RequestError(f"A request must be a JSON object. Received: {_name(message)}.")
    held = [form for form in _FORMS if message.get(form) is not None]
    match held:
        case ["data"]:
            asked = _array(message["data"])
        case ["strData"]:
            asked = TitleRequest("strData", (_text(message["strData"], "strData"),))
        case ["jsonData"]:
            asked = _structured(message["jsonData"])
        case _:
            raise RequestError(
                "A request must hold one of data.ndarray, strData and jsonData. Received: "
                f"{', '.join(held) or 'none of them'}. {_EXAMPLE}"
            )
    if len(asked.bodies) > most:
        info = (
            f"A request must hold at most {most} texts (ISSUESUM_MAX_TEXTS). "
            f"Received: {len(asked.bodies)}. Try: several requests."
        )
        raise RequestError(info, status=413, reason="TOO_LARGE")
    return asked


def response(asked: TitleRequest, titles: Sequence[Sequence[Title]]) -> dict[str, Any]:
    """Return titles in the form of their request: for each body at least one, the best first."""
    if asked.form == "strData":
        return {"strData": titles[0][0].text}
    if asked.form == "jsonData":
        each = [{"titles": [_described(title) for title in of_body]} for of_body in titles]
        return {"jsonData": each[0] if asked.one else {"answers": each}}
    best = [of_body[0].text for of_body in titles]
    if asked.column:
        return {"data": {"names": ["title"], "ndarray": [[title] for title in best]}}
    return {"data": {"names": [], "ndarray": best}}


def answer_meta(message: Any, tags: Mapping[str, str]) -> dict[str, Any]:  # noqa: ANN401
    """Return what an answer's `meta` has of its request's, so that the two can be joined.

    Tags of the request are kept where `tags`, those of the model, have no such name, as
    seldon-core's `construct_response` does. Raises RequestError for another `meta`.
    """
    meta = (message.get("meta") if isinstance(message, dict) else None) or {}
    kept = {name: meta[name] for name in _META if meta.get(name)} if isinstance(meta, dict) else {}
    if not isinstance(meta, dict) or any(not isinstance(kept[of], _META[of]) for of in kept):
        raise RequestError(
            "meta must be an object of puid (a text), tags and requestPath (objects). "
            f"Received: {meta!r:.100}."
        )
    return {**kept, "tags": {**kept.get("tags", {}), **tags}}


def _described(title: Title) -> dict[str, Any]:
    return {
        "title": title.text,
        "score": round(title.score, 6) if math.isfinite(title.score) else None,
        "words": [
            {"word": of.word, "copied": of.copied, "span": list(of.span) if of.span else None}
            for of in title.words
        ],
    }


def _structured(content: Any) -> TitleRequest:  # noqa: ANN401
    example = 'Try: {"jsonData": {"body": "the text of an issue", "alternatives": 3}}.'
    if not isinstance(content, dict):
        raise RequestError(f"jsonData must be an object. Received: {_name(content)}. {example}")
    unknown = sorted(content.keys() - {"body", "bodies", "alternatives"})
    if unknown or ("body" in content) == ("bodies" in content):
        found = f"{unknown[0]!r:.60}" if unknown else "both or neither"
        raise RequestError(
            "jsonData must hold either body or bodies, and may hold alternatives. "
            f"Received: {found}. {example}"
        )
    one = "body" in content
    body = (_text(content["body"], "jsonData.body"),) if one else ()
    bodies = body or _list(content["bodies"], "jsonData.bodies")
    # Numbers of gRPC's jsonData are floats.
    wanted = content.get("alternatives", 1)
    whole = isinstance(wanted, int | float) and not isinstance(wanted, bool) and wanted % 1 == 0
    if not (whole and 1 <= wanted <= 100):  # noqa: PLR2004 -- wider than any beam that pays
        raise RequestError(
            f"jsonData.alternatives must be a whole number from 1 to 100. Received: {wanted!r:.60}."
        )
    return TitleRequest("jsonData", bodies, int(wanted), one)


def _array(data: Any) -> TitleRequest:  # noqa: ANN401
    if not isinstance(data, dict) or "ndarray" not in data:
        held = sorted(map(str, data)) if isinstance(data, dict) else _name(data)
        raise RequestError(
            f"data.ndarray must hold texts; numbers are none. Received: {held!r:.100}. {_EXAMPLE}"
        )
    rows = data["ndarray"]
    column = isinstance(rows, list) and bool(rows) and all(isinstance(row, list) for row in rows)
    if column:
        rows = [row[0] if len(row) == 1 else row for row in rows]
    return TitleRequest("data", _list(rows, "data.ndarray"), column=column)


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
