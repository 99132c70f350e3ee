r"""What an author wrote, without what the form, the mail program or a badge put around it.

Left out are HTML comments, headings and labels of issue templates ("### Expected behavior", "**To
reproduce**", "Steps to reproduce:"), check boxes, answers that are none ("_No response_"), headers
of quoted e-mail, images, badges, and tags such as `<details>`. A heading goes if it is made of the
words of templates, so that one that says something ("## Crash on start") stays.

Each pattern begins with one character, which the engine looks for first, and its repeats give
nothing back or are bounded, so time is linear in the length of hostile input.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from issuesum.text.tokens import words

_TEMPLATE_WORDS = frozenset(
    words("""
        a about acceptance access acknowledge acknowledgement acknowledgements actual actually
        additional affect affects after agree already alternative alternatives and any anyone
        anything applicable application apply are area as attach attachments background be been
        before behavior behaviors behaviour behaviours below brief browser browsers bug bugs but
        by can case cases cause changing checked checklist checks clear click cloud code command
        commands comments complete completed component components concise conduct config
        configuration confirm considered console contact context contributing could criteria
        current currently debug definition describe described description desired desktop detail
        detailed details device did distribution do documentation does done dr else environment
        error errors evidence exact exactly example examples exception existing expand expect
        expectation expectations expected experience explain extra feature fill find first
        following for form frequency from full further general give goal goals guidelines happen
        happened happening happens hardware have help here how i i'm i've idea ideas if impact
        implementation in include info information instructions introduction involved is issue
        issues it item kind know let like link links list local log logs me message messages
        minimal minimally minimum mobile more motivation my name need node non note notes observed
        occur occurs of on one operating optional or os other our out outcome output overview
        package paste place plan platform platforms please possible post pr precisely
        preconditions preflight prerequisite prerequisites present previous problem proposal
        propose proposed provide provider purpose question questions rationale readme reason
        recording references regression related relevant replicate report reporting reports
        repository repro reproduce reproduced reproducer reproducible reproducing reproduction
        request requested required requirements result results root runtime sample scenario scope
        screenshot screenshots search searched see seeing seen setup severity share shell should
        similar small smartphone snippet software solution solutions solve some specific specs
        stack stacktrace statement step steps story submission submit submitting such suggest
        suggested suggestion suggestions summary sure system task tasks tell template terms test
        tested that the their there these this tl to todo trace tried try trying type url us use
        used useful user using validation validations version versions video want was we what
        what's when where which who why will willing wish with workaround workarounds would yaml
        you you'd you're you've your
    """)
)
_QUESTIONS = frozenset(
    words("are can could did do does have how if is please should what when where which why would")
)
"""A heading that begins so may have one word in four of its own, such as the name of a product."""

_END = r"[ \t\r]*+(?=\n|\Z)"
_BOX = r"\[[ \tx\u2713\u2714]?\](?![(\[:])[^\n]*+"
_OUTCOME = "(?:(?:and|vs) (?:actual|expected) )?(?:behaviou?rs?|results?|outputs?|outcomes?)"
_ABOUT = "(?:info|information|context|details?|notes?|comments?)"
_FIX = "(?:solutions?|fix(?:es)?|implementation)"
_IT = "(?: (?:it|(?:the |this )?(?:behaviou?r|bug|error|issue|problem)))?"
_LABELS = (
    f"steps? (?:to|how to|for) (?:reproduc[a-z]*+|replicate|recreate){_IT}",
    *(f"{word} {_OUTCOME}" for word in ("expected", "actual", "current", "desired", "observed")),
    *(f"{word} {_ABOUT}" for word in ("system", "environment", "additional", "other", "further")),
    *(f"{word} {_FIX}" for word in ("possible", "proposed", "suggested")),
    *(f"{word} (?:description|summary)" for word in ("bug", "issue", "problem", "short", "brief")),
    *(f"{word} steps?" for word in ("reproduction", "reproducible", "repro", "test", "testing")),
    "how to reproduce", "to reproduce", "description", "summary", "environment",
    "your environment", "test environment", "screenshots?", "preconditions", "prerequisites",
    "checklist", "relevant log output", "minimal reproducible example",
    "describe the (?:bug|issue|problem|feature|solution you'd like)",
    "what (?:happened|happens|did you expect(?: to happen)?)",
    "what is the (?:current|expected) behaviou?r",
)  # fmt: skip
_SHORT = tuple(
    f"{word} ?:(?!//)"
    for word in ("actual", "expected", "observed", "results?", "steps", "notes?", "os", "browser")
)
_LISTED = (  # behind the sign or number of a list
    _BOX,
    r"\*\*(?P<listed>[^\n]{2,300}?)\*\*:?",
    *(f"{label} ?(?::|{_END})" for label in _LABELS),
    *_SHORT,
    rf"see error{_END}",
    *(
        rf"{do} ['\"\u2018\u201c][.\u2026]++[^\n]*+"
        for do in ("go to", "click on", "scroll down to")
    ),
)
_STARTS = (  # of a line
    r"\##*+[ \t]*+(?P<heading>[^\n:]++):?",
    r"h[1-6]\.[ \t]*+(?P<jira>[^\n:]++):?",
    r"\*\*\*?(?=\w)(?P<bold>[^\n]{2,300}?)\*\*++:?",
    r"\*(?=\w)(?P<star>[^\n*]{2,100}+)\*++:?",
    "_no response_",
    r"__?(?P<strong>[^\n_]{2,100}+)__?:?",
    r"\==*+[ \t]*+(?P<wiki>[^\n=]{2,100}+)=++",
    _BOX,
    *(rf"{label}(?: \([^()\n]{{0,60}}\))?[ \t]?(?::(?!//)|[-?.]*+{_END})" for label in _LABELS),
    *_SHORT,
    "\\*no response\\*",
    "a clear and concise description of[^\n]*+",
    "if applicable, add screenshots[^\n]*+",
    "add any other context[^\n]*+",
    # E-mail, and what Bugzilla writes.
    rf"on[ \t][^\n]{{1,200}}?(?:\n[ \t>]*+[^\n]{{0,120}}?)?\bwrote:{_END}",
    rf"@[^\n]{{1,200}}?\bwrote:{_END}",
    *(
        rf"{name}:[^\n@]*?(?:@|\d:\d\d)[^\n]*+"
        for name in ("from", "to", "cc", "bcc", "sent", "date", "reply-to")
    ),
    "subject:(?: ?(?:re|fwd?):)*+",
    r"sent from my [^\n]{1,40}",
    r"---*+[ \t]*+(?:original|forwarded) message[^\n]*+",
    "you are receiving this because[^\n]*+",
    "reply to this email directly[^\n]*+",
    "user[ -]agent:[^\n]*+",
    "build id(?:entifier)?:[^\n]*+",
)


def _any(ways: Iterable[str]) -> str:
    """Return a pattern for any of these, which begin with a letter or an escaped sign.

    Of the first letters the engine compares each once, of plain alternatives every one.
    """
    groups = defaultdict(list)
    for way in ways:
        length = 2 if way.startswith("\\") else 1
        groups[way[:length]].append(way[length:])
    return "|".join(f"{sign}(?:{'|'.join(rests)})" for sign, rests in groups.items())


_LINE = re.compile(
    rf"\n[ \t>]*+(?:{_any(_STARTS)}"
    r"|[-+*\u2022\d][\d.)]{0,3}[ \t]++(?:"
    r"[^\n\[:]{1,30}:?[ \t]*+\[(?:e\.g\.|i\.e\.)[^\]\n]*+\]"
    rf"|{_any(_LISTED)})"
    rf"|(?<=> )(?:[^\n]{{1,200}}?\bwrote:{_END}|(?:from|to|cc|bcc|sent|date|reply-to):[^\n]*+))"
)
_LINK = r"(?:\([^()\n]*+(?:\([^()\n]*+\)[^()\n]*+)*+\)|\[[^\[\]\n]*+\])"
# Of Markdown, alone or as the text of a link, and of Jira.
_IMAGE = re.compile(
    rf"!(?:\[[^\[\]]*+\]{_LINK}(?:[ \t]*+\]{_LINK})?"
    r"|[^\s!|]{1,100}\.(?:bmp|gif|jpe?g|png)(?:\|[^!\n]{0,60})?!)"
)
_TAG = re.compile(
    r"<(?:(b|h[1-6]|strong|summary)>(?P<label>[^<\n]{1,100})</\1>"
    r"|/?(?:a|br|center|details|hr|img|p|picture|source|sub|summary|sup|video)\b[^<>]*+>)"
)
_PATTERNS = {"\n": _LINE, "!": _IMAGE, "<": _TAG}
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)


def prose(text: str) -> str:
    """Return `text` with spaces in the place of template text; every other place stays as it is.

    What would have no word left is given back whole, or without its comments if these leave some.
    """
    shown = _COMMENT.sub(_comment, text) if "<!--" in text else text
    # The one character whose small form is longer; and a first line is a line as well.
    lowered = "\n" + shown.replace("\u0130", "i").lower()
    spans = [
        match.span()
        for sign, pattern in _PATTERNS.items()
        if sign in lowered
        for match in pattern.finditer(lowered)
        if not match.lastindex or _of_template(match[match.lastindex])
    ]
    found = _blanked(shown, spans) if spans else shown
    for left in (found, shown):
        if left is text or re.search(r"\w", left):
            return left
    return text


def body_words(text: str) -> list[str]:
    """Return the words of a raw body that count: those of its `prose`."""
    return words(prose(text))


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """Return `text` with spaces at `spans`, which are those of `text` behind a line break."""
    parts, last = [], 0
    for one, beyond in sorted(spans):
        if (end := beyond - 1) > last:
            start = max(last, one - 1)
            parts += [text[last:start], " " * (end - start)]
            last = end
    return "".join([*parts, text[last:]])


def _comment(match: re.Match[str]) -> str:
    comment = match.group()
    # One that does not end would hide the whole issue: of it only the first line is one.
    hidden = comment if comment.endswith(">") else comment.partition("\n")[0]
    return " " * len(hidden) + comment[len(hidden) :]


def _of_template(label: str) -> bool:
    """Return whether a heading says nothing about this very issue."""
    found = words(label)
    own = sum(1 for word in found if word not in _TEMPLATE_WORDS and not word.isdigit())
    return not own or (found[0] in _QUESTIONS and 4 * own <= len(found))
