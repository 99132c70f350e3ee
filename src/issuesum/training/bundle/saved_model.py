"""The model as TensorFlow Serving takes it: bodies as ids in, titles as ids out.

The signature `serving_default` takes `body` and `body_extended`, int32 (batch, body_maxlen), and
returns `title_ids`, int32 (batch, max_words), extended ids with padding behind the last word, and
`scores`, float32 (batch,). Titles are decoded greedily. A caller passes UNKNOWN in place of the id
of a placeholder, which ids do not show and a title must not have (docs/serving.md).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import ne
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from issuesum.errors import ArtifactError
from issuesum.serving.inference.decoding import Hypothesis, beam
from issuesum.serving.inference.graphs import BODY, BODY_EXTENDED, Graphs
from issuesum.serving.inference.rules import CUT_OFF, DECODING, Decoding, TitleRules
from issuesum.text.features import TITLE_VOCABULARY, Features
from issuesum.text.vocabulary import PADDING, Vocabulary, pad
from issuesum.training.bundle.convert import body_specs, quiet_stderr
from issuesum.training.model.interface import TitleModel

SIGNATURE = "serving_default"
TITLE_IDS, SCORES = "title_ids", "scores"
_GIVEN_NAME = "_user_specified_name"
_GRADIENT = "_gradient_op_type"


def save(model: TitleModel, folder: Path, target: Path, *, body_maxlen: int) -> None:
    """Write a SavedModel of a built model; equal weights give equal bytes.

    `folder` holds the title vocabulary and the settings of the search. `target` is made; TensorFlow
    Serving wants a number as its name.
    """
    rules = _rules(folder, np.zeros((0, body_maxlen), bool))
    module = tf.Module()
    # Only these are saved: of a Keras model, layers and their functions would be too.
    module.weights = [weight.value for weight in model.weights]
    signature = body_specs(body_maxlen)
    traced = tf.function(title_graph(model, rules), input_signature=signature, autograph=False)
    # Serving needs no gradients, and those of `gru_scan` have names of this process.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with quiet_stderr():
        signatures = {SIGNATURE: traced.get_concrete_function()}
        tf.saved_model.save(module, str(target), signatures, options)
    stabilise(target)


def check(saved: Path, folder: Path, rows: Features, *, tolerance: float) -> float:
    """Load what `save` wrote and compare its titles with those decoded over the ONNX graphs.

    `folder` holds the graphs, and what it held for `save`; of `rows` there is at least one. Returns
    the largest absolute difference of a score, at most `tolerance`. ArtifactError: ids or scores
    are others.
    """
    with quiet_stderr():
        loaded = tf.saved_model.load(str(saved))
    places, size = rows.body.shape[1], Vocabulary.load(folder / TITLE_VOCABULARY).size
    there = (rows.body_extended[:, :, None] == size + np.arange(places)).any(axis=1)
    rules = _rules(folder, there)
    inputs = {BODY: tf.constant(rows.body), BODY_EXTENDED: tf.constant(rows.body_extended)}
    answer = loaded.signatures[SIGNATURE](**inputs)
    graphs = Graphs(folder)
    greedy = replace(rules, settings=replace(rules.settings, beam_width=1))
    titles = beam(graphs, graphs.encode(rows.body, rows.body_extended), greedy)
    best = [title[0] if title else Hypothesis([], -np.inf) for title in titles]
    words = rules.settings.max_words
    expected = pad([title.ids for title in best], words, padding="post", value=PADDING)
    if others := sum(map(ne, answer[TITLE_IDS].numpy().tolist(), expected.tolist())):
        raise ArtifactError(
            f"{saved} must write the titles that greedy decoding over ONNX writes. Received: "
            f"{others} others of {len(rows)}. Try: another build.parity_rows, in case two words "
            "were equally probable."
        )
    scores, found = np.array([title.score for title in best]), answer[SCORES].numpy()
    # Equal infinities differ by NaN, and a NaN that only one has is not within any tolerance.
    difference = float(np.where(found == scores, 0, np.abs(found - scores)).max())
    if not difference <= tolerance:
        raise ArtifactError(
            f"{saved} must score titles as ONNX does, to {tolerance:g} (build.parity_tolerance). "
            f"Received: {difference:.3g} on {len(rows)} rows. Try: look for an operation in the "
            "architecture that is exported otherwise."
        )
    return difference


def _rules(folder: Path, own: npt.NDArray[np.bool_]) -> TitleRules:
    title = Vocabulary.load(folder / TITLE_VOCABULARY)
    return TitleRules.of(title, own, Decoding.load(folder / DECODING))


def title_graph(
    model: TitleModel, rules: TitleRules
) -> Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]:
    """Return a function with the signature of `SIGNATURE` that decodes as a `beam` of 1 does.

    The steps are unrolled, so each rule is a few operations on ids. `rules.own` is not used: of
    each row's out-of-vocabulary words those are allowed whose ids `body_extended` holds.
    """

    def write(body: tf.Tensor, body_extended: tf.Tensor) -> dict[str, tf.Tensor]:
        state = model.encode(body, body_extended)
        previous = tf.fill(tf.shape(body)[:1], rules.start)
        running = tf.ones_like(previous, tf.bool)
        totals, lengths = (tf.zeros_like(previous, tf.float32) for _ in range(2))
        history: list[tf.Tensor] = []
        for _ in range(rules.steps):
            log_probs, changed = model.step(previous, state)
            state = {name: changed.get(name, tensor) for name, tensor in state.items()}
            masked = _masked(body_extended, history, log_probs.shape[-1], rules)
            if len(history) == rules.settings.max_words:
                log_probs = tf.fill(tf.shape(log_probs), CUT_OFF)
            log_probs = tf.where(masked, -np.inf, log_probs)
            previous = tf.argmax(log_probs, axis=1, output_type=tf.int32)
            totals += tf.where(running, tf.gather(log_probs, previous, batch_dims=1), 0.0)
            lengths += tf.cast(running, tf.float32)
            history.append(tf.where(running, previous, PADDING))
            running &= previous != rules.end
        ids = tf.stack(history[:-1], axis=1)  # the last is an end mark, if anything
        scores = totals / lengths**rules.settings.length_penalty
        # The end mark is no word; and where the rules leave no word there is no title.
        words = (ids != rules.end) & (scores > -np.inf)[:, None]
        return {TITLE_IDS: tf.where(words, ids, PADDING), SCORES: scores}

    return write


def _masked(
    body_extended: tf.Tensor, history: Sequence[tf.Tensor], outputs: int, rules: TitleRules
) -> tf.Tensor:
    # Returns bool (batch, outputs): what must not follow `history`, int32 (batch,) for each word.
    never = np.zeros(rules.size, bool)
    never[list(rules.forbidden)] = True
    never[rules.end] = len(history) < rules.settings.min_words
    own = tf.range(rules.size, outputs)
    absent = ~tf.reduce_any(body_extended[:, :, None] == own, axis=1)
    if len(history) == rules.settings.max_words:
        never, absent = np.arange(rules.size) != rules.end, tf.ones_like(absent)
    shared = tf.broadcast_to(never, (tf.shape(absent)[0], rules.size))
    masked = tf.concat([shared, absent], axis=1)
    if history and rules.settings.no_repeat:
        repeats = _repeats(tf.stack(history, axis=1), rules.settings.no_repeat)
        repeated = tf.one_hot(repeats, outputs, on_value=True, off_value=False)
        masked |= tf.reduce_any(repeated, axis=1)
    return masked


def _repeats(history: tf.Tensor, repeat: int) -> tf.Tensor:
    """Return int32 (batch, some), ids that would repeat a history, int32 (batch, words); or -1."""
    last = history[:, -1:]
    places = history.shape[1] - repeat + 1
    if places < 1:
        return last
    # What followed the last words where they stood before must not follow them again.
    same = tf.ones_like(history[:, :places], tf.bool)
    for word in range(repeat - 1):
        same &= history[:, word : word + places] == history[:, places + word, None]
    return tf.concat([last, tf.where(same, history[:, repeat - 1 :], -1)], axis=1)


def stabilise(folder: Path) -> None:
    """Bring a SavedModel into the one form that all with its graph and weights share.

    What TensorFlow 2.20 writes differs from process to process: functions, and their arguments, are
    named after a counter of everything traced before; functions stand in another order each time;
    and fingerprint.pb has a random `uuid`.
    """
    # TensorFlow does without; besides the uuid it holds hashes of the form before this one.
    (folder / "fingerprint.pb").unlink()
    path = folder / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    for graph in saved.meta_graphs:
        _order_and_number(graph)
    path.write_bytes(saved.SerializeToString(deterministic=True))


def _order_and_number(graph: MetaGraphDef) -> None:
    library = graph.graph_def.library
    functions = {function.signature.name: function for function in library.function}
    used = dict.fromkeys(_called(graph.graph_def.node, functions))
    ordered = [FunctionDef.FromString(functions[name].SerializeToString()) for name in used]
    del library.function[:]
    library.function.extend(ordered)
    for function in library.function:
        for node in function.node_def:
            node.attr.pop(_GRADIENT, None)
        for given in function.arg_attr.values():
            if given.attr[_GIVEN_NAME].s.isdigit():  # nobody did
                del given.attr[_GIVEN_NAME]
    names = {name: re.sub(r"_[0-9]+$", "", name) + f"_f{place}" for place, name in enumerate(used)}
    # As text, because arguments and nodes have names that are made of those of functions.
    pattern = rf"({'|'.join(map(re.escape, names))})(?![0-9])"
    text = re.sub(pattern, lambda found: names[found[1]], text_format.MessageToString(graph))
    graph.Clear()
    text_format.Parse(text, graph)


def _called(nodes: Iterable[NodeDef], functions: dict[str, FunctionDef]) -> Iterator[str]:
    """Yield the functions that nodes call, each before those that it calls itself."""
    for node in nodes:
        for name in sorted(node.attr):
            if node.attr[name].HasField("func"):
                called = node.attr[name].func.name
                yield called
                yield from _called(functions[called].node_def, functions)
