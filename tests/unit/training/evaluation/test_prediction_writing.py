"""Lines that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.cli.predict import check_output, format_of
from issuesum.errors import ParamsError
from issuesum.training.evaluation.predicting import Prediction, writing

ONE = Prediction("u", 'Add "x", y', -0.5)
NONE = Prediction("", "", None)


@pytest.mark.parametrize(
    ("name", "form"), [("x.jsonl", "jsonl"), ("x.JSONL", "jsonl"), ("x.csv", "csv"), ("x", "csv")]
)
def test_the_extension_decides_the_format(name: str, form: str) -> None:
    assert format_of(Path(name)) == form


def test_standard_output_is_csv_by_default() -> None:
    assert format_of(None) == "csv"


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("csv", ["issue_url,title,score", 'u,"Add ""x"", y",-0.5', ",,"]),
        (
            "jsonl",
            [
                '{"issue_url": "u", "title": "Add \\"x\\", y", "score": -0.5}',
                '{"issue_url": "", "title": "", "score": null}',
            ],
        ),
    ],
)
def test_lines(form, lines: list[str], tmp_path: Path, capfd) -> None:
    for output in (tmp_path / "new/out", None):
        with writing(output, form) as write:
            write([ONE])
            write([NONE])
    assert (tmp_path / "new/out").read_text() == "\n".join([*lines, ""])
    assert capfd.readouterr().out == "\n".join([*lines, ""])


def test_a_failure_leaves_the_earlier_file(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("earlier")

    def fail(error: Exception) -> None:
        with writing(output, "csv") as write:
            write([ONE])
            raise error

    with pytest.raises(KeyError):
        fail(KeyError())
    with pytest.raises(OSError, match="disk full"):
        fail(OSError(28, "disk full"))
    assert output.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [output]


def test_the_input_is_not_replaced_by_any_name(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("body\n")
    link = tmp_path / "link.csv"
    link.symlink_to(source)
    for output in (source, link, tmp_path / "." / "in.csv"):
        with pytest.raises(ParamsError, match="must be another file than the input"):
            check_output(output, source)
    check_output(tmp_path / "new.csv", source)
    check_output(source, tmp_path / "not there")
