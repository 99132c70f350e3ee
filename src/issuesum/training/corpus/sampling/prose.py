"""What stands around the facts: frames that state them, chatter, distractors, sections.

In a frame `{np}` is the component in other words, `{vp}` what it does, `{cond}` when it does so; a
capital letter (`{Np}`) starts a sentence. `{other}` and `{elsewhere}` are a component and a
condition that have nothing to do with the title. Each frame is a tuple of sentences, between which
a distractor may be put.
"""

from __future__ import annotations

Frames = tuple[tuple[str, ...], ...]

PROBLEM: Frames = (
    ("{Cond}, {np} {vp}.",),
    ("{Np} {vp} {cond}.",),
    ("I noticed that {np} {vp}.", "It only happens {cond}."),
    ("We have a problem with {np}: it {vp}.", "So far we can reproduce it {cond}."),
    ("There is trouble {cond}.", "In that case {np} {vp}."),
    ("A colleague showed me today that {np} {vp}, but only {cond}.",),
    ("Is it known that {np} {vp} {cond}?",),
    ("It {vp}, and I do not know why.", "I am talking about {np}, {cond}."),
)

REGRESSION: Frames = (
    ("Up to {old} all was well, but with {new} {np} {vp}.",),
    ("{Np} {vp}.", "I bisected it: {old} is good, {new} is bad."),
    ("We went from {old} to {new} yesterday.", "Now {np} {vp}."),
    ("This used to work in {old}.", "In {new}, {np} {vp}."),
)

FEATURE: Frames = (
    ("It would be nice if {np} had {vp}.",),
    ("What I miss in {np} is {vp}.",),
    ("Please consider {vp}.", "It is about {np}."),
    ("My team would love {vp}.", "The part we mean is {np}."),
    ("For {np} I would like to have {vp}.",),
)

QUESTION: Frames = (
    ("My question is about {np}.", "How do I {vp}?"),
    ("Is there a way to {vp}?", "I mean {np}."),
    ("We depend on {np} and need to {vp}.",),
    ("Can somebody tell me how to {vp}?", "I am talking about {np}."),
)

DOCUMENTATION: Frames = (
    ("The page about {np} {vp}.",),
    ("I read the manual for {np}.", "It {vp}."),
    ("Your guide {vp}.", "I mean the chapter on {np}."),
    ("While learning about {np} I saw that the text {vp}.",),
)

GREETINGS = (
    "Hi all,",
    "Hello and thank you for this project!",
    "Good morning,",
    "Dear maintainers,",
    "### Description",
    "**Describe the issue**",
    "As discussed with @{user} in the chat:",
    "PLEASE READ TO THE END, it took me hours to narrow this down.",
    "(copied from the mailing list, thread {number})",
)

CHATTER = (
    "First of all: great work, we use it every day.",
    "I am not sure if this is the right place to ask.",
    "Sorry if this was reported before, I searched and found nothing.",
    "Long-time user, first-time reporter here.",
    "This is about my mail to {email} from last week.",
    "I have been using {product} for two years now and I like it a lot.",
    "This may be related to #{number}, but I do not think so.",
    "We have had {product} in production since March.",
)

DISTRACTORS = (
    "By the way, {other} works without any trouble.",
    "At first I suspected {other}, but that is not the point.",
    "I also have {other} enabled, which makes no difference.",
    "Disabling {other} does not change anything.",
    "There was an older ticket about {other}, this one is different.",
    "Nothing of the kind can be seen {elsewhere}.",
    "The FAQ mentions trouble {elsewhere}, which is not what I mean.",
    "See also https://forum.example.org/t/{number} for a similar discussion.",
)

CONTEXT = (
    (
        "A customer called us about it on Tuesday, and two others did the day after. So far we "
        "have told them to be patient, but that will not work for long."
    ),
    (
        "I looked at the code for an evening and could not find the place. The only thing that I "
        "can rule out is {other}, since I replaced it with a stub."
    ),
    (
        "It is not urgent for me personally. Still, I think that it leaves a bad impression on "
        "people who see {product} for the first time."
    ),
    (
        "@{user} from our team has seen it as well, with other data and another account, so it "
        "is not just my machine. We compared our settings and they are the same."
    ),
    (
        "I asked in the forum (https://forum.example.org/t/{number}) and got no answer in "
        "{count} days, which is why I am writing here."
    ),
    (
        "If it helps: we built it ourselves from the tag v{version} with the default options, "
        "and the test suite is green apart from two cases about {other}."
    ),
    (
        "I am aware that this has a low priority, as most of you are busy with {other}. A hint "
        "where to look would be enough for me."
    ),
)

REASONS = (
    "We have about {count} people who would profit from it.",
    "Right now I work around this with a small script in `~/bin/{slug}.sh`.",
    "Other tools have had this for years.",
    "I would be happy to send a pull request if you point me to the right file.",
    "Our support gets a mail about this every week.",
)

CLOSINGS = (
    "Thanks in advance!",
    "Let me know if you need more details.",
    "Any help is appreciated.",
    "Screenshot: https://img.example.com/{number}.png",
    "You can reach me at {email} if you want a test account.",
    "Best regards",
    "I can test a fix on short notice.",
    "Keep up the good work :+1:",
)

STEPS = (
    (
        "### Steps to reproduce\n\n1. Start {product} {version}\n2. Switch off {other}\n3. Go "
        "back and wait for {count} seconds\n4. Look at the result"
    ),
    (
        "**To reproduce**\n\n- clone https://git.example.org/{user}/demo-{number}\n- run `make "
        "demo`\n- repeat it with {other} switched off"
    ),
    (
        "How to see it: take the demo project, leave {other} as it is, and follow the tutorial "
        "up to step {count}."
    ),
)

EXPECTATIONS = (
    (
        "**Expected behaviour**\n\nIt should do what the manual says.\n\n**Actual behaviour**\n\n"
        "See above."
    ),
    "I expected no difference to {other}, but there is one.",
    "Expected: no surprise. Actual: {count} complaints since Monday.",
)

ENVIRONMENTS = (
    (
        "### Environment\n\n- {product} {version}\n- OS: {system}\n- Browser: {browser}\n- other "
        "parts in use: {title_a}, {title_b}"
    ),
    "**Setup:** {product} {version} on {system}, {browser}, {title_a} turned off.",
    (
        "| what | which |\n|---|---|\n| version | {version} |\n| system | {system} |\n| path | "
        "`/opt/{slug}/bin` |"
    ),
    "Running {version} on {system}, together with {title_a}.",
)

EVIDENCE = (
    (
        "```\n2018-0{digit}-1{digit} 09:{digit}1:07 INFO  {slug}: ready\n2018-0{digit}-1{digit} "
        "09:{digit}2:11 WARN  {slug}: took {number} ms\n```"
    ),
    (
        'Traceback (most recent call last):\n  File "/srv/{slug}/main.py", line {number}, in '
        "run\n    self.step(state)\nRuntimeError: unexpected state {count}"
    ),
    (
        "```\njava.lang.IllegalStateException: {number}\n\tat "
        "org.example.{slug}.Main.run(Main.java:{count})\n\tat "
        "java.lang.Thread.run(Thread.java:748)\n```"
    ),
    "The console says `TypeError: undefined is not a function` at {slug}.js:{number}:{digit}.",
    "```yaml\n{slug}:\n  enabled: true\n  workers: {digit}\n  listen: 127.0.0.1:{number}\n```",
)

NOISE_TITLES = (
    "It does not work any more",
    "Any news about this one",
    "Please help me with this",
    "Same problem here as well",
    "Question about the last comment",
    "Still broken, please look again",
)

NOISE_BODIES = (
    "same here, any news?",
    "+1, also on {version}",
    "see the title. it is all said there, I think",
    "Same for me since #{number}. Is anybody working on it?",
    "not working!!! {version} on {system}",
    "I have the same problem as @{user}, please fix.",
    "ping @{user}",
    "Never mind, {user} told me what to do, but I leave this open for the others with {version}.",
    "Log: https://paste.example.org/{number}",
)

PRODUCTS = ("Quillboard", "Lanternfish", "Papermoon", "Tidepool", "Hazelnut", "Driftwood")
USERS = ("marlow", "ines-k", "t0bias", "jo-park", "sunil", "petra82", "oakley", "mkwan")
SYSTEMS = ("Debian 9", "Windows 10", "macOS 10.13", "Ubuntu 18.04", "Fedora 28", "CentOS 7")
BROWSERS = ("Firefox 60", "Chrome 66", "Opera 53", "Chromium 65")
REPOSITORY_ENDINGS = ("", "-web", "-core")

IMPLIED: dict[str, dict[str, str]] = {
    "on Windows": {"system": "Windows 10"},
    "on macOS": {"system": "macOS 10.13", "browser": "Safari 11"},
    "on ARM machines": {"system": "Debian 9"},
    "on Android": {"system": "Android 8.1", "browser": "Chrome 66"},
    "on iOS": {"system": "iOS 11.3", "browser": "Safari 11"},
    "in Firefox": {"browser": "Firefox 60"},
    "in Safari": {"system": "macOS 10.13", "browser": "Safari 11"},
}
"""What the environment must say, lest it contradict the condition."""
