"""A mistake in a new architecture is reported in one line, before it is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

import example_architecture
import tiny_models
from issuesum.errors import ParamsError

pytestmark = pytest.mark.slow  # TensorFlow takes ten seconds to load

_RESULT = 'return self._log_probs(hidden), {"hidden": hidden}'
_STATE = '{"hidden": self._read(body, None)}'


def _check(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **sizes: int) -> None:
    """Check an architecture of this source, as if its file were next to the others."""
    from issuesum.training.model.contract import check_architecture

    example_architecture.place("tried", source, folder, monkeypatch)
    check_architecture(tiny_models.config("tried", **sizes))


@pytest.mark.parametrize("arch", tiny_models.ARCHITECTURES)
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_those_that_are_there_do_what_is_asked(arch: str, precision: str) -> None:
    import keras

    from issuesum.training.model.contract import check_architecture

    keras.config.set_dtype_policy(precision)
    try:
        check_architecture(tiny_models.config(arch))
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_example_of_the_page_does_it_at_the_smallest_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"body_size": 2, "body_maxlen": 1, "title_size": 4, "title_maxlen": 3}
    _check(example_architecture.source(), tmp_path, monkeypatch, **sizes)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class BagOfWords(TitleModel):", "class BagOfWords(TitleModel)",
         r"create of .* must run\. Received: SyntaxError in tried\.py, line 16: expected"),
        ("def create", "def make",
         r"create of .* must run\. Received: AttributeError: .*tried' has no attribute 'create'"),
        ("return BagOfWords(config)", "BagOfWords(config)",
         r"call of .* must run\. Received: TypeError: 'NoneType' object is not callable"),
        ("self.decoder(words", "self.decodr(words",
         r"call of .* must run\. Received: AttributeError in tried\.py, line 3\d: .*no attribute"),
        ("tf.nn.log_softmax(", "tf.identity(", r"call of .* exponentials sum to 1"),
        ("self.vocabulary(states)", "self.vocabulary(states[:, -1:])",
         r"call of .* must return float32 \(4, 5, 30\) or \(4, 5, 39\).*Received: float32 \(4, 1,"),
        ("tf.maximum(tf.reduce_sum(there, axis=1), 1)", "tf.reduce_sum(there, axis=1)",
         r"finite values for every body\. Received: others for a body without a word"),
        ("return tf.where(ids < self.config.title_size, ids, UNKNOWN)", "return ids",
         r"call of .* Received: InvalidArgumentError in tried\.py.* = 30 is not in \[0, 30\)"),
        ("embedded * there", "embedded * tf.ones((1, 9, 1))",
         r"losses of .* InvalidArgumentError in tried\.py, line 5\d: Incompatible shapes: "),
        ("embedded * there", "embedded * tf.ones((1, body.shape[1], 1))",
         r"losses of .* must run\. Received: TypeError in tried\.py, line 5\d: "),
        (_STATE, "self._read(body, None)", r"encode of .* by name, in a dict\. Received: float32"),
        (_STATE, '{"hidden": self._read(body, None), "place": tf.constant(0)}',
         r"encode of .* place with the batch as its first axis.* Received: int32 \(\)"),
        ('"hidden"', '"previous"', r"use other names of tensors than .*Received: 'previous'"),
        (_RESULT, "return self._log_probs(hidden)", r"step of .* a dict of what changed"),
        (_RESULT, 'return self._log_probs(hidden), {"hidden": tf.cast(hidden, tf.float64)}',
         r"step of .* leave hidden the type.*float32 \(4, 12\)\. Received: float64 \(4, 12\)"),
        (_RESULT, 'return self._log_probs(hidden)[:, None], {"hidden": hidden}',
         r"step of .* must return float32 \(4, 30\) .*Received: float32 \(4, 1, 30\)"),
        (_RESULT, "return self._log_probs(hidden), {}",
         r"encode and step of .* word by word .* differ by up to 0\.0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(
    old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = example_architecture.source()
    assert old in source
    with pytest.raises(ParamsError, match=message) as caught:
        _check(source.replace(old, new), tmp_path, monkeypatch)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
