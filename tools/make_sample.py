#!/usr/bin/env python3
"""Make synthetic issues like those of data/sample/issues.csv.gz, any number of them.

A title is made of two or three facts in a fixed style; the body states the same facts in the same
or in other words, in varying order, among chatter and facts that do not count. Half of the titles
name a function that few other issues name. So a small model soon learns the way from one to the
other, while neither the first words of the body nor the title of the most similar issue is the
answer. A few issues are noise, repeats, or in German.

Equal --rows and --seed give equal bytes on every machine, and more rows of a seed begin with the
same issues. `issuesum ingest FILE` makes them the raw data.
"""

import argparse
import gzip
import random
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from issuesum.files import replacing_file
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import write_issues

NOISE, FOREIGN, REPEATED = 0.02, 0.04, 0.01  # shares of all issues
FUNCTIONS = 0.5  # share of issues about a function, not a part
VERBATIM = 0.7  # share of facts that bodies state in the words of the title
REMEMBERED = 500  # earlier issues that may be repeated
# Of names of functions, as in `open_archive`.
VERBS = [
    "add", "clear", "close", "decode", "delete", "export", "fetch", "find", "format", "import",
    "load", "merge", "open", "parse", "print", "render", "save", "send", "sort", "update",
]  # fmt: skip
NOUNS = [
    "account", "archive", "buffer", "column", "cookie", "event", "filter", "footer", "header",
    "image", "index", "message", "number", "order", "page", "query", "record", "report", "table",
    "token",
]  # fmt: skip


_TEXTS = """
# parts
file picker | the dialog for choosing files | the open-document window
login form | the sign-in page | the screen where you enter your credentials
settings page | the preferences screen | the place with all the options
chat window | the messaging panel | the conversation view
video player | the component that plays films | the movie playback area
spell checker | the thing that underlines typos | the proofreading feature
status bar | the strip at the bottom of the window | the line with the indicators
date picker | the little calendar popup | the control for selecting a day
chart widget | the graph on the dashboard | the plotting element
search index | the full-text lookup | the thing behind the search field
backup service | the nightly archive job | the process that saves copies
cache layer | the in-memory copy of results | the memoizing store
# symptoms
crashes | dies with a segmentation fault | quits without any warning
freezes | stops reacting at all | hangs until I kill the process
ignores saved options | does not respect what I configured | always uses the defaults
prints garbled characters | turns umlauts into question marks | outputs mojibake
returns stale results | gives me yesterday's answers | delivers outdated content
repeats everything | does each thing a second time | gives every item twice
leaks file handles | does not release its descriptors | opens more and more files
# conditions
on Windows | on a Microsoft system | on my Win10 laptop
on macOS | on a MacBook | on Apple computers
after an upgrade | once I moved to the newest release | since the update last week
after a restart | once the machine was rebooted | when everything comes up again
without a network | while I am offline | as soon as the wifi is gone
with large files | with several gigabytes of data | when the document is huge
with an empty database | on a fresh installation | while there are no records yet
while the disk is full | when no space is left | as soon as the drive has no room
# features
a dry run | a mode that only shows what it would do | a simulation without effects
a progress bar | a sign of how far it is | some percentage while I wait
CSV output | comma separated results | a format that I can open in Excel
bulk actions | a way to handle many items at once | multi-selection
# tasks
change the language | switch it to French | get it translated
restore deleted entries | get back what I removed | recover things from the bin
test it locally | try it on my own computer | run it without a server
turn off notifications | get rid of all the alerts | silence it
# gaps
missing example | has no sample to copy from | never shows a real use
outdated screenshot | has pictures of the old design | shows images from years ago
wrong default value | names another default than the code | is wrong about the preset
unclear first steps | does not say where to begin | left me lost as a beginner
undocumented options | leaves out half of the flags | does not list every parameter
# openings
Hi all,
Hello and thank you for this project!
### Description
First of all: great work, we use it every day.
Sorry if this was reported before, I searched and found nothing.
# distractors
By the way, {other} works without any trouble.
At first I suspected {other}, but that is not the point.
See also https://forum.example.org/t/{number} for a similar discussion.
# wish sections
We have about {count} people who would profit from it.
Right now I work around this with a small script in `~/bin/{slug}.sh`.
# closings
I looked at the code for an evening. The only thing that I can rule out is {other}.
@{user} from our team has seen it as well, with other data, so it is not just my machine.
Thanks in advance! You can reach me at {email} if you need more details.
Screenshot: https://img.example.com/{number}.png
# noise titles
It does not work any more
Please help me with this
Same problem here as well
# noise bodies
same here with {version}, any news about #{number}?
+1, also on {version} and {system}, {count} times
Same for me since #{number}. Is anybody working on it?
not working!!! {version} on {system}, error {number}
# problem
{Cond}, {np} {vp}.
I noticed that {np} {vp}.|It only happens {cond}.
We have a problem with {np}: it {vp}.|So far we can reproduce it {cond}.
There is trouble {cond}.|In that case {np} {vp}.
It {vp}, and I do not know why.|I am talking about {np}, {cond}.
# regression
Up to {old} all was well, but with {new} {np} {vp}.
{Np} {vp}.|I bisected it: {old} is good, {new} is bad.
# feature
It would be nice if {np} had {vp}.
What I miss in {np} is {vp}.
# question
My question is about {np}.|How do I {vp}?
Is there a way to {vp}?|I mean {np}.
# documentation
The page about {np} {vp}.
Your guide {vp}.|I mean the chapter on {np}.
# German parts
Dateiauswahl | der Dialog zum Öffnen von Dokumenten | das Fenster mit den Dateien
Kartenansicht | die Seite mit den Straßen | die geografische Anzeige
# German symptoms
stürzt beim Speichern ab | beendet sich plötzlich, wenn ich etwas sichere
bleibt nach dem Update leer | zeigt seit der neuen Version nichts mehr an
# German frames
Hallo zusammen! {Np} {vp}. Viele Grüße
Moin, {np} {vp}. Danke!
"""
_PARTS = (part.strip().splitlines() for part in _TEXTS.split("\n# ")[1:])
TEXTS = {heading: lines for heading, *lines in _PARTS}
"""Lines by heading."""


@cache
def table(heading: str) -> dict[str, list[str]]:
    """Parse lines of `words in the title | wording | wording`; wordings are for bodies."""
    rows = [[cell.strip() for cell in line.split("|")] for line in TEXTS[heading]]
    return {title: wordings for title, *wordings in rows}


VERSIONS = ("1.8", "1.9", "2.0", "2.1", "2.2", "2.3", "2.4", "3.0", "3.1")
REPORT_SECTIONS = (
    "### Steps to reproduce\n\n1. Start {product} {version}\n2. Switch off {other}\n3. Wait",
    "**Expected behaviour**\n\nThat of the manual.\n\n**Actual behaviour**\n\nSee above.",
    "I expected no difference to {other}, but there is one.",
    "**Setup:** {product} {version} on {system}, {slug} turned off.",
    "```\n2018-05-1{digit} 09:{digit}1:07 WARN  {slug}: took {number} ms\n```",
    'Traceback (most recent call last):\n  File "{slug}.py", line {number}\nRuntimeError: {count}',
    "```yaml\n{slug}:\n  enabled: true\n  workers: {digit}\n```",
)


class Kind(NamedTuple):
    """One kind of issue; facts and frames are headings in TEXTS.

    A frame is sentences separated by `|`, between which a fact that does not count may be put.
    {np} is the part, {vp} the fact and {cond} the condition, often in other words; {object} is the
    part as the object of a sentence.
    """

    share: int
    title: str
    facts: str
    sections: Sequence[str]
    frames: str


KINDS = (
    Kind(60, "{part} {fact} {condition}", "symptoms", REPORT_SECTIONS, "problem"),
    Kind(10, "Regression: {part} {fact} since {new}", "symptoms", REPORT_SECTIONS, "regression"),
    Kind(14, "Add {fact} to {object}", "features", TEXTS["wish sections"], "feature"),
    Kind(8, "{part}: how to {fact}", "tasks", TEXTS["wish sections"], "question"),
    Kind(8, "Docs: {fact} for {object}", "gaps", TEXTS["wish sections"], "documentation"),
)


def generate(rows: int, seed: int) -> Iterator[Issue]:
    """Yield `rows` synthetic issues."""
    rng = random.Random(seed)  # noqa: S311 -- reproducible on purpose
    numbers: Counter[str] = Counter()
    earlier: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)
    for _ in range(rows):
        product = rng.choice(("Quillboard", "Lanternfish", "Papermoon", "Tidepool"))
        earlier.append(_text(rng, product, earlier))
        repository = product.lower() + rng.choice(("", "-web", "-core"))
        numbers[repository] += rng.randint(1, 9)
        url = f"https://github.com/example-org/{repository}/issues/{numbers[repository]}"
        yield Issue(url, *earlier[-1])


def _text(rng: random.Random, product: str, earlier: deque[tuple[str, str]]) -> tuple[str, str]:
    """Return the title and the body of one issue."""
    draw = rng.random()
    if draw < REPEATED and earlier:
        return rng.choice(earlier)
    if draw < REPEATED + NOISE:
        title = rng.choice(TEXTS["noise titles"])
        return title, _fill(rng, rng.choice(TEXTS["noise bodies"]), product=product)
    if draw < REPEATED + NOISE + FOREIGN:
        (part, np), (symptom, vp) = _pick(rng, "German parts"), _pick(rng, "German symptoms")
        body = rng.choice(TEXTS["German frames"]) + "\n\n{product} {version}, {system}, #{number}"
        return f"{part}: {symptom}", _fill(rng, body, np=np, vp=vp, product=product)
    (kind,) = rng.choices(KINDS, [kind.share for kind in KINDS])
    release = rng.randrange(1, len(VERSIONS))
    values = {"product": product, "old": VERSIONS[release - 1], "new": VERSIONS[release]}
    values["part"], values["np"] = _pick(rng, "parts", VERBATIM, "the {}")
    values["object"] = f"the {values['part']}"
    if rng.random() < FUNCTIONS:
        values["part"] = f"{rng.choice(VERBS)}_{rng.choice(NOUNS)}"
        values["object"], values["np"] = values["part"], f"`{values['part']}`"
    # A gap is a noun in the title, and a verb in the body.
    values["fact"], values["vp"] = _pick(rng, kind.facts, VERBATIM * (kind.facts != "gaps"))
    values["condition"], values["cond"] = _pick(rng, "conditions", VERBATIM)
    title = kind.title.format(**values)
    if not title.startswith(values["object"]):
        title = title[:1].upper() + title[1:]
    return title, _body(rng, kind, values)


def _body(rng: random.Random, kind: Kind, values: dict[str, str]) -> str:
    sentences = rng.choice(TEXTS[kind.frames]).split("|")
    if rng.random() < 0.75:  # noqa: PLR2004
        sentences.insert(rng.randint(0, len(sentences)), rng.choice(TEXTS["distractors"]))
    paragraphs = [
        rng.choice(TEXTS["openings"]),
        " ".join(sentences),
        *rng.sample(kind.sections, rng.randint(1, len(kind.sections) // 2 + 1)),
        *rng.sample(TEXTS["closings"], rng.randint(1, 3)),
    ]
    return "\n\n".join(_fill(rng, paragraph, **values) for paragraph in paragraphs)


def _pick(
    rng: random.Random, heading: str, verbatim: float = 0, form: str = "{}"
) -> tuple[str, str]:
    """Return the words for the title and those for the body, often the same in a `form`."""
    facts = table(heading)
    title = rng.choice(list(facts))
    other = rng.choice(facts[title])
    return title, form.format(title) if rng.random() < verbatim else other


def _fill(rng: random.Random, template: str, **values: str) -> str:
    """Replace placeholders; what does not count differs from template to template."""
    user = rng.choice(("marlow", "ines-k", "t0bias", "jo-park", "sunil", "petra82"))
    other = rng.choice([part for part in table("parts") if part != values.get("part")])
    capital = {key.capitalize(): value[:1].upper() + value[1:] for key, value in values.items()}
    free = {
        "user": user,
        "email": f"{user}@example.com",
        "version": f"{rng.choice(VERSIONS)}.{rng.randrange(10)}",
        "system": rng.choice(("Debian 9", "Ubuntu 18.04", "Fedora 28", "CentOS 7")),
        "other": rng.choice(table("parts")[other]),
        "slug": other.replace(" ", "_"),
        "number": str(rng.randint(100, 9999)),
        "count": str(rng.randint(5, 40)),
        "digit": str(rng.randint(1, 5)),
    }
    return template.format(**free, **capital, **values)


def main() -> None:
    """Write the issues that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("output", type=Path, help="CSV to write; gzipped if it ends in .gz")
    parser.add_argument("--rows", type=int, default=4_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    given = parser.parse_args()
    with replacing_file(given.output) as temporary:
        write_issues(temporary, generate(given.rows, given.seed))
        if given.output.suffix == ".gz":
            temporary.write_bytes(gzip.compress(temporary.read_bytes(), mtime=0))


if __name__ == "__main__":
    main()
