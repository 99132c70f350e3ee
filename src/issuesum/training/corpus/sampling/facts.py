"""The facts that make a title, each with other words that bodies put them in.

A dictionary maps the words of the title to several wordings for the body. Titles keep to one house
style, bodies do not: what is "the tray icon" here is "the little symbol next to the clock" there.
Screens are parts that a person looks at, services are not, so that no service flickers.
"""

from __future__ import annotations

Facts = dict[str, tuple[str, ...]]

SCREENS: Facts = {
    "file picker": ("the dialog for choosing files", "the open-document window"),
    "login form": ("the sign-in page", "the screen where you enter your credentials"),
    "image gallery": ("the photo overview", "the page with all the pictures"),
    "export wizard": ("the assistant that saves data elsewhere", "the step-by-step export"),
    "settings page": ("the preferences screen", "the place with all the options"),
    "chat window": ("the messaging panel", "the conversation view"),
    "map view": ("the geographic display", "the part with streets and markers"),
    "video player": ("the component that plays films", "the movie playback area"),
    "audio mixer": ("the panel with the volume sliders", "the sound control board"),
    "spell checker": ("the thing that underlines typos", "the proofreading feature"),
    "print dialog": ("the box for sending pages to paper", "the printing window"),
    "table editor": ("the grid for changing cells", "the spreadsheet-like view"),
    "status bar": ("the strip at the bottom of the window", "the line with the indicators"),
    "address book": ("the list of contacts", "the view of people and phone numbers"),
    "payment form": ("the checkout step with the card number", "the credit card page"),
    "date picker": ("the little calendar popup", "the control for selecting a day"),
    "chart widget": ("the graph on the dashboard", "the plotting element"),
    "undo history": ("the stack of previous edits", "the list for reverting changes"),
    "drop zone": ("the area where I drag things in", "the dashed upload rectangle"),
    "tray icon": ("the little symbol next to the clock", "the notification area entry"),
    "comment box": ("the field for leaving remarks", "the reply text area"),
    "report builder": ("the designer for monthly summaries", "the tool that puts reports together"),
}

SERVICES: Facts = {
    "search index": ("the full-text lookup", "the thing behind the search field"),
    "plugin loader": ("the code that pulls in extensions", "the add-on mechanism"),
    "task scheduler": ("the component that starts jobs", "the built-in cron replacement"),
    "backup service": ("the nightly archive job", "the process that saves copies"),
    "command line": ("the terminal tool", "the executable you call from a shell"),
    "calendar sync": ("the exchange of appointments", "the caldav connection"),
    "password reset": ("the forgotten credentials flow", "the mechanism to get a new passphrase"),
    "mail queue": ("the outgoing letter spool", "the part that delivers e-mail"),
    "message broker": ("the event bus", "the publish and subscribe layer"),
    "cache layer": ("the in-memory copy of results", "the memoizing store"),
    "rate limiter": ("the throttling of clients", "the guard against too many calls"),
    "template engine": ("the renderer of placeholders", "the code that fills in layouts"),
    "code formatter": ("the source beautifier", "the tool that indents my files"),
    "package installer": ("the setup of dependencies", "the routine that fetches libraries"),
    "update checker": ("the lookup for new releases", "the job that asks for newer versions"),
    "session store": ("the memory of who is signed in", "the place that keeps visitors' state"),
    "import job": ("the reader of foreign data", "the batch that loads CSV files"),
    "webhook sender": ("the outgoing HTTP callbacks module", "the notifier for other systems"),
}

SYMPTOMS: Facts = {
    "crashes": ("dies with a segmentation fault", "quits without any warning"),
    "freezes": ("stops reacting at all", "hangs until I kill the process"),
    "ignores saved options": ("does not respect what I configured", "always uses the defaults"),
    "loses recent changes": ("drops my latest work", "goes back to an older state"),
    "shows wrong times": ("is off by some hours", "mixes up the time zones"),
    "prints garbled characters": ("turns umlauts into question marks", "outputs mojibake"),
    "never finishes": ("keeps running forever", "does not come to an end"),
    "asks for permission again": ("wants my approval each time", "repeats the consent question"),
    "skips the last entry": ("leaves out the final item", "forgets whatever comes at the end"),
    "sorts wrongly": ("puts things in a strange order", "mixes up the sequence"),
    "rejects valid input": ("refuses perfectly good values", "complains about correct data"),
    "accepts empty input": ("lets blank values through", "does not mind when nothing was typed"),
    "reports false success": ("claims that all went well although it failed", "hides the failure"),
    "raises a permission error": ("ends with access denied", "says that I lack the rights"),
    "duplicates entries": ("lists everything twice", "creates each item two times"),
    "forgets the language": ("falls back to English", "is suddenly not localised"),
}

SCREEN_SYMPTOMS: Facts = {
    "shows a blank page": ("stays completely white", "renders nothing at all"),
    "overlaps other text": ("covers the words beside it", "is drawn over its neighbours"),
    "cannot be closed": ("will not go away", "has no working exit button"),
    "flickers": ("blinks several times a second", "is constantly redrawn"),
    "jumps to the top": ("scrolls away from where I was", "loses my scroll position"),
    "cuts off labels": ("truncates the captions", "has texts that end in the middle"),
    "ignores the keyboard": ("only works with a mouse", "does not notice any key press"),
}

SERVICE_SYMPTOMS: Facts = {
    "returns stale results": ("gives me yesterday's answers", "delivers outdated content"),
    "sends everything twice": ("delivers each item a second time", "repeats every transmission"),
    "drops the connection": ("hangs up in the middle", "cuts the line after a few seconds"),
    "fails with a timeout": ("gives up after thirty seconds", "waits too long and aborts"),
    "writes empty files": ("produces zero bytes", "leaves nothing but an empty result on disk"),
    "leaks file handles": ("does not release its descriptors", "opens more and more files"),
    "runs too early": ("starts before it should", "does not wait for its turn"),
}

CONDITIONS: Facts = {
    "on Windows": ("on a Microsoft system", "on my Win10 laptop"),
    "on macOS": ("on a MacBook", "on Apple computers"),
    "on ARM machines": ("on a Raspberry Pi", "on aarch64 hardware"),
    "after an upgrade": ("once I moved to the newest release", "since the update last week"),
    "after a restart": ("once the machine was rebooted", "when everything comes up again"),
    "behind a proxy": ("inside our company network", "if traffic goes through squid"),
    "without a network": ("while I am offline", "as soon as the wifi is gone"),
    "over a VPN": ("through the tunnel to the office", "while wireguard is connected"),
    "with large files": ("with several gigabytes of data", "when the document is huge"),
    "with accented names": ("if there is an é or ü in the path", "for users called José"),
    "with two accounts": ("if I have a second profile", "for people who are registered twice"),
    "with an empty database": ("on a fresh installation", "while there are no records yet"),
    "with expired certificates": ("when TLS is out of date", "if the server's cert is too old"),
    "when the disk is full": ("if there is no space left", "as the last megabyte is used up"),
    "inside a container": ("in our docker image", "when it runs in a kubernetes pod"),
    "under heavy load": ("when hundreds of people work at once", "during our stress test"),
    "for guest users": ("for visitors who are not signed in", "if you have no account"),
    "for new users": ("for anyone who just registered", "for people on their first day"),
    "on leap days": ("on the 29th of February", "in that one extra day"),
    "after waking from sleep": ("when I open the lid again", "once the laptop was suspended"),
}

SCREEN_CONDITIONS: Facts = {
    "in Firefox": ("in the Mozilla browser", "when gecko draws the page"),
    "in Safari": ("in Apple's browser", "when webkit does the rendering"),
    "on Android": ("on my Pixel phone", "on a Samsung tablet"),
    "on iOS": ("on an iPad", "on my iPhone"),
    "in dark mode": ("with the black theme", "when night colours are on"),
    "with two monitors": ("if an external display is plugged in", "on my dual screen setup"),
    "on touch screens": ("if I use a finger", "on devices without a pointer"),
}

SERVICE_CONDITIONS: Facts = {
    "with IPv6 only": ("if there is no v4 address", "on a host with just AAAA records"),
    "on read-only disks": ("if nothing may be written", "on an immutable file system"),
    "without root": ("as an ordinary user", "if I do not use sudo"),
}

SLOWNESS: Facts = {
    "is slow": ("takes ages", "needs more than a minute"),
    "uses too much memory": ("eats all of my RAM", "grows to eight gigabytes"),
    "keeps the processor busy": ("has all cores at full load", "makes my fan spin"),
}

FEATURES: Facts = {
    "a dry run": ("a mode that only tells what it would do", "a simulation without effects"),
    "an audit log": ("a record of who did what", "a trail of all actions"),
    "a progress bar": ("a sign of how far it is", "some percentage while I wait"),
    "a retry option": ("a way to try once more after a failure", "automatic second attempts"),
    "CSV output": ("comma separated results", "a format that I can open in Excel"),
    "custom labels": ("names that I can choose myself", "my own tags"),
    "bulk actions": ("a way to handle many items at once", "multi-selection"),
    "per-user limits": ("a quota for each person", "individual restrictions"),
}

SCREEN_FEATURES: Facts = {
    "keyboard shortcuts": ("a way to do everything without the mouse", "hotkeys"),
    "a dark theme": ("colours for the night", "a black background"),
    "a search field": ("a way to find entries by typing", "some filter on top"),
    "screen reader support": ("accessibility for blind people", "proper ARIA attributes"),
    "a preview pane": ("a look at the result beforehand", "thumbnails at the side"),
}

SERVICE_FEATURES: Facts = {
    "health checks": ("an endpoint for our monitoring", "a probe that says if it is alive"),
    "Prometheus metrics": ("numbers that grafana can plot", "counters for our dashboards"),
    "JSON logs": ("structured log lines", "machine readable logging"),
    "a graceful shutdown": ("a clean stop on SIGTERM", "an orderly end of the process"),
}

TASKS: Facts = {
    "change the language": ("switch it to French", "get it translated"),
    "restore deleted entries": ("get back what I removed", "recover things from the bin"),
    "limit access to admins": ("lock it for normal people", "let only the boss in"),
    "test it locally": ("try it on my own computer", "run it without a server"),
    "move to another server": ("migrate to a new host", "transfer it to other hardware"),
    "turn off notifications": ("get rid of all the alerts", "silence it"),
    "set a longer timeout": ("give it more time", "make it more patient"),
    "use an old format": ("stay with the legacy layout", "keep the previous file type"),
}

GAPS: Facts = {
    "missing example": ("has no sample to copy from", "never shows a real use"),
    "outdated screenshot": ("has pictures of the old design", "shows images from years ago"),
    "broken link": ("points to a page that is gone", "leads to a 404"),
    "wrong default value": ("names another default than the code", "is wrong about the preset"),
    "unclear first steps": ("does not tell where to begin", "left me lost as a beginner"),
    "undocumented options": ("leaves out half of the flags", "does not list every parameter"),
}
"""What may be amiss with a page of the documentation; bodies say "the page about ..."."""

VERSIONS = ("1.8", "1.9", "2.0", "2.1", "2.2", "2.3", "2.4", "3.0", "3.1")
"""Releases in their order; a regression appears in one and is absent from the one before."""
