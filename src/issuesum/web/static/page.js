"use strict";

// Everything that is shown goes through textContent: bodies and titles are other people's text.
const at = (id) => document.getElementById(id);
const WAIT = 45_000; // a little longer than the server waits for the endpoint

const wide = matchMedia("(min-width: 60rem)"); // form and answer side by side, as in page.css

let issue = null; // the random issue that stands in the form, if one does
let asked = ""; // the body that the titles on the page are of
let titles = [];
let shown = null; // the title that is shown large
let verdict = null; // true or false once a thumb was sent for it

async function call(path, content) {
  const options = { signal: AbortSignal.timeout(WAIT) };
  if (content) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(content);
  }
  let response, answer;
  try {
    response = await fetch(path, options);
    answer = await response.json();
  } catch {
    throw new Error("The server of this page does not answer. Is issuesum web still running?");
  }
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function showError(place, error) {
  place.textContent = error.message;
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
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

function element(name, text, properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text }, properties);
}

function showLineage(rows) {
  at("lineage").replaceChildren(
    ...rows.map(([name, value]) => {
      const row = document.createElement("tr");
      row.append(element("th", name, { scope: "row" }), element("td", value));
      return row;
    }),
  );
  at("model").hidden = rows.length === 0;
}

function showTitle(title) {
  shown = title;
  verdict = null;
  at("title").textContent = title.title || "The model has no title for this body.";
  at("truth").value = title.title;
  at("arrived").textContent = "";
  at("refused").hidden = true;
  for (const thumb of thumbs) thumb.setAttribute("aria-pressed", "false");
  const copied = [...new Set(title.words.filter(([, is]) => is).map(([word]) => word))];
  const own = [...new Set(title.words.filter(([, is]) => !is).map(([word]) => word))];
  const parts = [];
  if (copied.length) parts.push(`From the body: ${copied.join(", ")}.`);
  if (own.length) parts.push(`Not from it: ${own.join(", ")}.`);
  at("words").textContent = parts.join(" ");
  at("marks").replaceChildren(
    ...title.segments.map(([text, is]) => (is ? element("mark", text) : text)),
  );
  at("marks").scrollTop = 0;
}

function showChoices() {
  at("titles").replaceChildren(
    ...titles.map((title, number) => {
      const radio = element("input", "", { type: "radio", name: "choice", checked: number === 0 });
      radio.addEventListener("change", () => showTitle(title));
      const label = document.createElement("label");
      const score = title.score === null ? "no score" : title.score.toFixed(2).replace("-", "−");
      label.append(radio, element("span", title.title), element("b", score));
      return label;
    }),
  );
  at("choices").hidden = titles.length < 2;
}

function showReal() {
  const known = issue !== null && issue.body === asked;
  at("real").hidden = !known;
  if (!known) return;
  at("real-title").textContent = issue.title;
  const isPage = /^https?:\/\//i.test(issue.url);
  at("real-link").hidden = !isPage;
  if (isPage) at("real-link").href = issue.url;
}

async function ask() {
  const body = at("body").value;
  const answer = await call("/api/titles", { body });
  asked = body;
  titles = answer.titles;
  showChoices();
  showTitle(titles[0]);
  showReal();
  showLineage(answer.lineage);
  at("hint").hidden = true;
  at("result").hidden = false;
  at("title").scrollIntoView({ block: wide.matches ? "nearest" : "center" });
}

async function send(good, truth) {
  at("arrived").textContent = "";
  const title = shown;
  await call("/api/feedback", { body: asked, title: title.title, good, truth });
  if (shown !== title) return false;
  at("arrived").textContent = "Thank you, your feedback has arrived.";
  return true;
}

// The title in the field, if it is another than the one shown.
function edited() {
  const text = at("truth").value.trim();
  return text && text !== shown.title ? text : null;
}

const thumbs = [...document.querySelectorAll("#thumbs button")];
const askButtons = [...document.querySelectorAll("#ask button")];
const feedbackButtons = [...thumbs, document.querySelector("#edit button")];

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

at("random")?.addEventListener("click", () => {
  run(askButtons, at("error"), async () => {
    issue = await call("/api/issue");
    at("body").value = issue.body;
    issue.body = at("body").value; // a text area has line ends of its own
    await ask();
  });
});

for (const thumb of thumbs) {
  thumb.addEventListener("click", () => {
    run(feedbackButtons, at("refused"), async () => {
      const good = thumb.dataset.good === "true";
      if (verdict === good && edited() === null) return; // it has arrived already
      if (!(await send(good, edited()))) return;
      verdict = good;
      for (const each of thumbs) each.setAttribute("aria-pressed", String(each === thumb));
    });
  });
}

at("edit").addEventListener("submit", (event) => {
  event.preventDefault();
  run(feedbackButtons, at("refused"), async () => {
    const truth = edited();
    if (truth === null) throw new Error("Change the title first, then send yours.");
    await send(verdict ?? false, truth); // who writes another title likes this one less
  });
});

call("/api/lineage").then(
  (answer) => asked || showLineage(answer.lineage),
  (error) => asked || showError(at("error"), error),
);
