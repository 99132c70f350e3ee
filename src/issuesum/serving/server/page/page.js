"use strict";

// In words of data/sample, which a first model knows.
const EXAMPLES = [
  "I noticed that `open_archive` crashes. It only happens on Windows.\n\n" +
    "Traceback (most recent call last):\n  File \"file_picker.py\", line 81\nRuntimeError: 13",
  "It would be nice if the package installer had a dry run. Right now I work around this with a " +
    "small script.\n\nWe have about 20 people who would profit from it.",
  "Up to 2.2 all was well, but with 2.3 the search index is slow.\n\nDisabling the status bar does " +
    "not change anything.",
  "The page about the backup service has no sample to copy from. A customer called us about it on " +
    "Tuesday.",
];

// Everything that is shown becomes text nodes, never HTML: bodies and titles are other people's text.
const at = (id) => document.getElementById(id);
const thumbs = [...document.querySelectorAll("#thumbs button")];
const askButtons = [...document.querySelectorAll("#ask button")];
const feedbackButtons = [...thumbs, document.querySelector("#edit button")];

let asked = ""; // the body that the titles on the page are of
let shown = null; // the title that is shown large
let verdict = null; // true or false once a thumb was sent for it
let tried = 0; // examples

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Paths are relative, so that the page works below any path of an ingress.
async function call(path, content) {
  const headers = { "Content-Type": "application/json" };
  const sent = content && { method: "POST", headers, body: JSON.stringify(content) };
  let response, answer;
  try {
    response = await fetch(path, { ...sent, signal: AbortSignal.timeout(45_000) });
    answer = await response.json();
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  if (answer.status?.info) throw new Error(answer.status.info);
  if (!response.ok) throw new Error(`The server answers HTTP ${response.status}.`);
  return answer;
}

// Runs one task at a time, its buttons disabled meanwhile, and shows what goes wrong.
async function run(buttons, place, task) {
  if (buttons.some((button) => button.disabled)) return;
  const focused = document.activeElement;
  place.hidden = true;
  buttons.forEach((button) => (button.disabled = true));
  try {
    await task();
  } catch (error) {
    showError(place, error);
  } finally {
    buttons.forEach((button) => (button.disabled = false));
    // A button that is disabled loses the focus, and the keyboard its place.
    if (document.activeElement === document.body) focused?.focus();
  }
}

function showError(place, error) {
  place.textContent = error.message;
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}

function showLineage(tags) {
  const rows = Object.entries(tags).filter(([name, value]) => value && !name.includes("."));
  const row = ([name, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value));
  at("lineage").replaceChildren(...rows.map(row));
  at("model").hidden = false;
}

// The body in pieces. Spans count code points, where JavaScript counts an emoji as two.
function marked(body, words) {
  const points = Array.from(body);
  const text = (start, end) => points.slice(start, end).join("");
  const spans = words.filter((word) => word.copied && word.span).map((word) => word.span);
  const pieces = [];
  let done = 0;
  for (const [start, end] of spans.sort((one, other) => one[0] - other[0])) {
    if (start < done) continue; // copied twice
    pieces.push(text(done, start), element("mark", {}, text(start, end)));
    done = end;
  }
  return [...pieces, text(done)];
}

function showTitle(title) {
  shown = title;
  verdict = null;
  at("title").textContent = title.title || "The model has no title for this body.";
  at("truth").value = title.title;
  at("arrived").textContent = "";
  at("refused").hidden = true;
  for (const thumb of thumbs) thumb.setAttribute("aria-pressed", "false");
  const listed = (start, copied) => {
    const words = title.words.filter((word) => word.copied === copied).map((word) => word.word);
    return words.length ? `${start}: ${[...new Set(words)].join(", ")}. ` : "";
  };
  at("words").textContent = listed("From the body", true) + listed("Not from it", false);
  at("marks").replaceChildren(...marked(asked, title.words));
  at("marks").scrollTop = 0;
}

function showChoices(titles) {
  at("titles").replaceChildren(
    ...titles.map((title, number) => {
      const radio = element("input", { type: "radio", name: "choice", checked: number === 0 });
      radio.addEventListener("change", () => showTitle(title));
      const score = title.score === null ? "no score" : title.score.toFixed(2).replace("-", "−");
      return element("label", {}, radio, element("span", {}, title.title), element("b", {}, score));
    }),
  );
  at("choices").hidden = titles.length < 2;
}

async function ask() {
  const body = at("body").value;
  if (!body.trim()) throw new Error("The body must hold words. Paste one first.");
  if (Array.from(body).length > 65_536) // characters that the model looks at
    throw new Error("The body must have at most 65,536 characters. Shorten it.");
  const started = performance.now();
  const jsonData = { body, alternatives: 3 }; // the first is the one that the model would give
  const answer = await call("api/v1.0/predictions", { jsonData });
  at("took").textContent = `Answered in ${Math.round(performance.now() - started)} ms.`;
  asked = body;
  const { titles } = answer.jsonData;
  showChoices(titles);
  showTitle(titles[0]);
  showLineage(answer.meta.tags);
  at("hint").hidden = true;
  at("result").hidden = false;
  const wide = matchMedia("(min-width: 60rem)").matches; // the form is on the left, as in page.css
  at("title").scrollIntoView({ block: wide ? "nearest" : "center" });
}

async function send(good, truth) {
  at("arrived").textContent = "";
  const title = shown;
  const text = (value) => ({ data: { ndarray: [value] } });
  const content = { request: text(asked), response: text(title.title), reward: Number(good) };
  await call("api/v1.0/feedback", truth === null ? content : { ...content, truth: text(truth) });
  if (shown !== title) return false;
  at("arrived").textContent = "Thank you, your feedback has arrived.";
  return true;
}

// The title in the field, if it is another than the one shown.
function edited() {
  const text = at("truth").value.trim();
  return text && text !== shown.title ? text : null;
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  run(askButtons, at("error"), ask);
});

at("body").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    at("ask").requestSubmit();
  }
});

at("example").addEventListener("click", () => {
  at("body").value = EXAMPLES[tried++ % EXAMPLES.length];
  run(askButtons, at("error"), ask);
});

async function rate(thumb) {
  const good = thumb.dataset.good === "true";
  const arrived = verdict === good && edited() === null;
  if (arrived || !(await send(good, edited()))) return;
  verdict = good;
  for (const each of thumbs) each.setAttribute("aria-pressed", String(each === thumb));
}

for (const thumb of thumbs)
  thumb.addEventListener("click", () => run(feedbackButtons, at("refused"), () => rate(thumb)));

at("edit").addEventListener("submit", (event) => {
  event.preventDefault();
  run(feedbackButtons, at("refused"), async () => {
    const truth = edited();
    if (truth === null) throw new Error("Change the title first, then send yours.");
    await send(verdict ?? false, truth); // who writes another title likes this one less
  });
});

call("metadata").then(
  ({ name, custom }) => {
    at("name").textContent = name;
    if (!asked) showLineage(custom);
  },
  (error) => asked || showError(at("error"), error),
);
