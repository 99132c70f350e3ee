"""Put facts and prose together to the title and the body of one issue."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from issuesum.training.corpus.sampling import facts, prose
from issuesum.training.corpus.sampling.facts import Facts
from issuesum.training.corpus.sampling.languages import LANGUAGES
from issuesum.training.corpus.sampling.prose import Frames

type Text = tuple[str, str]
"""Title and body."""
type Values = dict[str, str]
"""What the placeholders of a template stand for."""

# How likely a body has it.
_LOWER_CASE = 0.08
_ENVIRONMENT_FIRST = 0.12
_CHATTER = 0.5
_DISTRACTOR = 0.75
_CONTEXT = 0.7
_CLOSING = 0.6
_FOREIGN_EVIDENCE = 0.5


class _Kind(NamedTuple):
    """One kind of issue; a title has the same form for all issues of a kind."""

    share: int
    title: str
    screen_facts: Facts
    service_facts: Facts
    frames: Frames
    sections: tuple[tuple[str, ...], ...]
    fewest_sections: int


_REPORT = (prose.STEPS, prose.EXPECTATIONS, prose.ENVIRONMENTS, prose.EVIDENCE)
_WISH = (prose.REASONS, prose.ENVIRONMENTS)
_SCREEN_SYMPTOMS = facts.SYMPTOMS | facts.SCREEN_SYMPTOMS
_SERVICE_SYMPTOMS = facts.SYMPTOMS | facts.SERVICE_SYMPTOMS
_KINDS = (
    _Kind(
        share=50,
        title="{part} {fact} {condition}",
        screen_facts=_SCREEN_SYMPTOMS,
        service_facts=_SERVICE_SYMPTOMS,
        frames=prose.PROBLEM,
        sections=_REPORT,
        fewest_sections=1,
    ),
    _Kind(
        share=10,
        title="Regression: {part} {fact} since {new}",
        screen_facts=_SCREEN_SYMPTOMS,
        service_facts=_SERVICE_SYMPTOMS,
        frames=prose.REGRESSION,
        sections=_REPORT,
        fewest_sections=1,
    ),
    _Kind(
        share=10,
        title="{part} {fact} {condition}",
        screen_facts=facts.SLOWNESS,
        service_facts=facts.SLOWNESS,
        frames=prose.PROBLEM,
        sections=_REPORT,
        fewest_sections=1,
    ),
    _Kind(
        share=14,
        title="Add {fact} to the {part}",
        screen_facts=facts.FEATURES | facts.SCREEN_FEATURES,
        service_facts=facts.FEATURES | facts.SERVICE_FEATURES,
        frames=prose.FEATURE,
        sections=_WISH,
        fewest_sections=0,
    ),
    _Kind(
        share=8,
        title="{part}: how to {fact}",
        screen_facts=facts.TASKS,
        service_facts=facts.TASKS,
        frames=prose.QUESTION,
        sections=_WISH,
        fewest_sections=0,
    ),
    _Kind(
        share=8,
        title="Docs: {fact} for the {part}",
        screen_facts=facts.GAPS,
        service_facts=facts.GAPS,
        frames=prose.DOCUMENTATION,
        sections=_WISH,
        fewest_sections=0,
    ),
)
_SHARES = tuple(kind.share for kind in _KINDS)
_COMPONENTS = facts.SCREENS | facts.SERVICES
_CONDITIONS = {
    True: facts.CONDITIONS | facts.SCREEN_CONDITIONS,
    False: facts.CONDITIONS | facts.SERVICE_CONDITIONS,
}


def compose(rng: random.Random, product: str) -> Text:
    """Return an issue in English whose title can be known from its body."""
    (kind,) = rng.choices(_KINDS, _SHARES)
    part, np = _pick(rng, _COMPONENTS)
    screen = part in facts.SCREENS
    fact, vp = _pick(rng, kind.screen_facts if screen else kind.service_facts)
    condition, cond = _pick(rng, _CONDITIONS[screen])
    release = rng.randrange(1, len(facts.VERSIONS))
    values = _details(rng, product) | {
        "part": part,
        "fact": fact,
        "condition": condition,
        "np": np,
        "vp": vp,
        "cond": cond,
        "old": facts.VERSIONS[release - 1],
        "new": facts.VERSIONS[release],
    }
    values |= prose.IMPLIED.get(condition, {}) if "{condition}" in kind.title else {}
    if "{new}" in kind.title:
        values["version"] = values["new"]
    return _capital(kind.title.format(**values)), _body(rng, kind, values)


def compose_foreign(rng: random.Random, product: str) -> Text:
    """Return an issue in German, Spanish, French or Portuguese."""
    language = rng.choice(LANGUAGES)
    part, np = _pick(rng, language.parts)
    symptom, vp = _pick(rng, language.symptoms)
    condition, cond = _pick(rng, language.conditions)
    values = _details(rng, product) | {"np": np, "vp": vp, "cond": cond}
    paragraphs = _fill(rng, [rng.choice(language.openings)], values)
    paragraphs.append(" ".join(_fill(rng, rng.choice(language.frames), values)))
    paragraphs += (
        _fill(rng, [rng.choice(prose.EVIDENCE)], values) if rng.random() < _FOREIGN_EVIDENCE else []
    )
    paragraphs += _fill(rng, [rng.choice(language.closings)], values)
    title = language.title.format(part=part, symptom=symptom, condition=condition)
    return title, "\n\n".join(paragraphs)


def compose_noise(rng: random.Random, product: str) -> Text:
    """Return an issue that no model can find a title for; real trackers have them."""
    title, body = rng.choice(prose.NOISE_TITLES), rng.choice(prose.NOISE_BODIES)
    return title, _fill(rng, [body], _details(rng, product))[0]


def _body(rng: random.Random, kind: _Kind, values: Values) -> str:
    sentences = list(rng.choice(kind.frames))
    if rng.random() < _DISTRACTOR:
        sentences.insert(rng.randint(0, len(sentences)), rng.choice(prose.DISTRACTORS))
    if rng.random() < _CHATTER:
        sentences.insert(0, rng.choice(prose.CHATTER))
        opening = rng.choice(prose.GREETINGS)
    else:
        opening = rng.choice(prose.GREETINGS + prose.CHATTER)
    paragraphs = _fill(rng, [opening], values)
    paragraphs.append(" ".join(_fill(rng, sentences, values)))
    sections = rng.sample(kind.sections, rng.randint(kind.fewest_sections, len(kind.sections)))
    paragraphs += _fill(rng, [rng.choice(section) for section in sections], values)
    if prose.ENVIRONMENTS in sections and rng.random() < _ENVIRONMENT_FIRST:
        paragraphs.insert(1, paragraphs.pop(2 + sections.index(prose.ENVIRONMENTS)))
    if rng.random() < _CONTEXT:
        paragraphs += _fill(rng, [rng.choice(prose.CONTEXT)], values)
    if rng.random() < _CLOSING:
        paragraphs += _fill(rng, [rng.choice(prose.CLOSINGS)], values)
    body = "\n\n".join(paragraphs)
    return body.lower() if rng.random() < _LOWER_CASE else body


def _pick(rng: random.Random, choices: Facts) -> tuple[str, str]:
    """Return the words for the title and those for the body."""
    title = rng.choice(tuple(choices))
    return title, rng.choice(choices[title])


def _details(rng: random.Random, product: str) -> Values:
    """Return what stays the same throughout one issue."""
    user = rng.choice(prose.USERS)
    return {
        "user": user,
        "email": f"{user}@example.{rng.choice(('com', 'org'))}",
        "product": product,
        "version": f"{rng.choice(facts.VERSIONS)}.{rng.randrange(10)}",
        "system": rng.choice(prose.SYSTEMS),
        "browser": rng.choice(prose.BROWSERS),
    }


def _fill(rng: random.Random, templates: Sequence[str], values: Values) -> list[str]:
    """Replace placeholders; numbers and what does not count differ from template to template."""
    stated = {key.capitalize(): _capital(values[key]) for key in ("np", "cond") if key in values}
    filled = []
    for template in templates:
        first, second, third = _others(rng, _COMPONENTS, values.get("part"), 3)
        (elsewhere,) = _others(rng, facts.CONDITIONS, values.get("condition"), 1)
        free = {
            "other": rng.choice(_COMPONENTS[first]),
            "elsewhere": rng.choice(facts.CONDITIONS[elsewhere]),
            "title_a": second,
            "title_b": third,
            "slug": first.replace(" ", "_"),
            "number": str(rng.randint(100, 9999)),
            "count": str(rng.randint(5, 40)),
            "digit": str(rng.randint(1, 5)),
        }
        filled.append(template.format(**values, **stated, **free))
    return filled


def _others(rng: random.Random, choices: Facts, not_this: str | None, count: int) -> list[str]:
    return rng.sample([title for title in choices if title != not_this], count)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
