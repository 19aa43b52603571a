"use strict";
// Everything that came from data is set with textContent or as the source of a picture made by us: none of it is markup.
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const STORE = "torchladder-mistakes-" + data.key;
let state = data.tags, current = 0, undone = [], unsent = false, sending = false;

function make(kind, words, attributes) {
  const element = document.createElement(kind);
  if (words !== undefined && words !== null) element.textContent = words;
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  return element;
}

function valid(found) {
  return found && found.schema === 1 && Array.isArray(found.tags) && found.tags.every((t) => typeof t === "string")
    && found.mistakes && typeof found.mistakes === "object" && !Array.isArray(found.mistakes)
    && Object.values(found.mistakes).every((v) => Array.isArray(v) && v.every((t) => found.tags.includes(t)));
}

function say(words) { at("status").textContent = words; }

function kept() {
  try {
    localStorage.setItem(STORE, JSON.stringify(state));
    say("kept in this browser; Export writes a file");
  } catch (error) { say("this browser keeps nothing here: Export writes a file"); }
}

async function send() {  // one request at a time, each with the newest state; "saved" means that nothing is left to send
  sending = true;
  let failure = null;
  while (unsent && failure === null) {
    unsent = false;
    try {
      const answer = await fetch("tags", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(state)});
      if (!answer.ok) failure = "not saved: the server said " + answer.status;
    } catch (error) { failure = "not saved: the server is gone; Export writes a file"; }
  }
  sending = false;
  if (failure !== null) unsent = true;
  if (failure === null) hold(null);
  say(failure === null ? "saved" : failure);
}

function hold(words) {  // what the server has not confirmed yet outlives a reload here
  try { if (words === null) sessionStorage.removeItem(STORE); else sessionStorage.setItem(STORE, words); } catch (error) { /* no store */ }
}

function held() {
  try { const found = JSON.parse(sessionStorage.getItem(STORE)); return valid(found) ? found : null; } catch (error) { return null; }
}

function later() {
  if (!data.served) { kept(); return; }
  unsent = true;
  hold(JSON.stringify(state));
  say("saving");
  if (!sending) send();
}

addEventListener("pagehide", () => {  // what is under way when the page is left is sent all the same
  if (data.served && (unsent || sending)) navigator.sendBeacon("tags", new Blob([JSON.stringify(state)], {type: "application/json"}));
});

function remember() { undone.push({state: JSON.stringify(state), current}); if (undone.length > 500) undone.shift(); }
function given(i) { const key = data.mistakes[i].key; return Object.hasOwn(state.mistakes, key) ? state.mistakes[key] : null; }

function toggle(tag) {
  if (!data.mistakes.length) return;
  remember();
  const now = given(current) || [];
  state.mistakes[data.mistakes[current].key] = now.includes(tag) ? now.filter((t) => t !== tag) : [...now, tag];
  later();
  draw();
}

function nothing() {
  if (!data.mistakes.length) return;
  remember();
  state.mistakes[data.mistakes[current].key] = [];
  later();
  move(1);
}

function undo() {
  const last = undone.pop();
  if (!last) { say("nothing to undo"); return; }
  state = JSON.parse(last.state);
  current = last.current;
  later();
  draw();
}

function move(by) {
  if (!data.mistakes.length) return;
  current = Math.min(Math.max(current + by, 0), data.mistakes.length - 1);
  draw();
}

function add(word) {
  const tag = word.trim().slice(0, 80);
  if (!tag) return;
  if (!state.tags.includes(tag)) { remember(); state.tags.push(tag); later(); }
  if (!(given(current) || []).includes(tag)) toggle(tag); else draw();
}

function drawShown() {
  const box = at("shown"), m = data.mistakes[current];
  box.replaceChildren();
  if (!m) { box.append(make("p", "no mistake was drawn")); return; }
  box.className = m.picture ? "shown" : "shown plain";
  if (m.picture) {
    const picture = make("img", null, {src: m.picture, alt: "picture of " + m.id});
    if (m.large) picture.className = "smooth";
    box.append(picture);
  }
  const right = make("div"), list = make("dl");
  const rows = [["label", m.label], ["answer", m.answer + (m.confidence === null ? "" : " (" + m.confidence + ")")],
    ["sample", m.id], ...(m.group === null ? [] : [["group", m.group]]), ...m.buckets.map((b) => ["bucket", b])];
  for (const [what, value] of rows) list.append(make("dt", what), make("dd", value));
  right.append(list);
  if (m.text) right.append(make("p", m.text, {class: "text", tabindex: "0", "aria-label": "text of the sample"}));
  box.append(right);
}

function drawTags() {
  const box = at("tags"), now = given(current) || [];
  box.replaceChildren();
  state.tags.forEach((tag, i) => {
    const button = make("button", null, {type: "button", "aria-pressed": String(now.includes(tag))});
    if (i < 9) button.append(make("kbd", String(i + 1)));
    button.append(document.createTextNode(tag));
    button.addEventListener("click", () => toggle(tag));
    box.append(button);
  });
}

function drawPareto() {
  const counts = new Map(), seen = Object.values(state.mistakes);
  for (const tags of seen) for (const tag of tags) counts.set(tag, (counts.get(tag) || 0) + 1);
  const rows = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const body = at("pareto"), most = rows.length ? rows[0][1] : 1;
  body.replaceChildren();
  for (const [tag, n] of rows) {
    const line = make("tr"), cell = make("td"), bar = make("div", null, {class: "meter"});
    bar.style.width = (100 * n / most) + "%";
    cell.append(make("div", tag), bar);
    line.append(cell, make("td", String(n), {class: "number"}), make("td", Math.round(100 * n / seen.length) + " %", {class: "number"}));
    body.append(line);
  }
  if (!rows.length) { const line = make("tr"); line.append(make("td", "no tag was given yet", {colspan: "3", class: "soft"})); body.append(line); }
  const looked = data.mistakes.filter((m, i) => given(i) !== null).length;
  at("progress").textContent = (data.mistakes.length ? current + 1 : 0) + " of " + data.mistakes.length + ", " + looked + " looked at";
}

function drawGrid() {
  const box = at("grid");
  if (box.childElementCount !== data.mistakes.length) {
    box.replaceChildren();
    data.mistakes.forEach((m, i) => {
      const button = make("button", null, {type: "button", "aria-label": m.id + ": " + m.label + " taken for " + m.answer});
      if (m.picture) button.append(make("img", null, {src: m.picture, alt: "", loading: "lazy"}));
      else button.append(make("span", m.label + " → " + m.answer));
      button.addEventListener("click", () => { current = i; draw(); });
      box.append(button);
    });
  }
  [...box.children].forEach((button, i) => {
    button.setAttribute("aria-current", String(i === current));
    const old = button.querySelector(".done"), tags = given(i);
    if (old) old.remove();
    if (tags !== null) button.append(make("span", tags.length ? String(tags.length) : "–", {class: "done"}));
  });
}

function draw() { drawShown(); drawTags(); drawPareto(); drawGrid(); }

function exported() {
  const link = make("a", null, {href: URL.createObjectURL(new Blob([JSON.stringify(state, null, 1)], {type: "application/json"})), download: "tags.json"});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function imported(file) {
  if (!file) return;
  try {
    const found = JSON.parse(await file.text());
    if (!valid(found)) throw new Error("no tags");
    remember();
    state = {schema: 1, tags: found.tags, mistakes: found.mistakes};
    later();
    draw();
  } catch (error) { say("this file holds no tags of such a page"); }
}

function buckets() {
  const body = at("buckets"), said = new Set();
  for (const b of data.buckets) {
    const line = make("tr", null, {class: "head"});
    line.append(make("td", b.name), ...[b.count, b.share, b.gives, b.beyond].map((v) => make("td", v, {class: "number"})));
    body.append(line);
    if (said.has(b.intervention)) continue;
    said.add(b.intervention);
    const below = make("tr");
    below.append(make("td", b.intervention, {class: "soft", colspan: "5"}));
    body.append(below);
  }
  if (!data.buckets.length) at("bucketbox").hidden = true;
}

function figures() {
  for (const [what, words] of data.figures) at("figures").append(make("dt", what), make("dd", words));
  for (const [name, ...numbers] of data.classes) {
    const line = make("tr");
    line.append(make("td", name), ...numbers.map((v) => make("td", v, {class: "number"})));
    at("classes").append(line);
  }
}

at("title").textContent = data.title;
at("sentence").textContent = data.sentence;
at("previous").addEventListener("click", () => move(-1));
at("next").addEventListener("click", () => move(1));
at("none").addEventListener("click", nothing);
at("undo").addEventListener("click", undo);
at("new").addEventListener("click", ask);
at("export").addEventListener("click", exported);
at("import").addEventListener("click", () => at("file").click());
at("file").addEventListener("change", (event) => { imported(event.target.files[0]); event.target.value = ""; });
at("help").addEventListener("click", () => at("keys").showModal());
at("close").addEventListener("click", () => at("keys").close());
at("cancel").addEventListener("click", () => at("asked").close());
at("form").addEventListener("submit", (event) => { event.preventDefault(); at("asked").close(); add(at("word").value); });
function ask() { at("word").value = ""; at("asked").showModal(); at("word").focus(); }

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const key = event.key;
  if (key >= "1" && key <= "9") { const tag = state.tags[Number(key) - 1]; if (tag !== undefined) toggle(tag); }
  else if (key === "0") nothing();
  else if (key === "ArrowRight" || key === "j") move(1);
  else if (key === "ArrowLeft" || key === "k") move(-1);
  else if (key === "n") ask();
  else if (key === "u") undo();
  else if (key === "?") at("keys").showModal();
  else return;
  event.preventDefault();
});

async function begin() {
  if (data.served) {
    try { const found = await (await fetch("tags")).json(); if (valid(found)) state = found; } catch (error) { say("the server is gone"); }
    const left = held();
    if (left !== null) { state = left; later(); }
  } else {
    try { const found = JSON.parse(localStorage.getItem(STORE)); if (valid(found)) state = found; } catch (error) { /* nothing kept */ }
  }
  const first = data.mistakes.findIndex((m, i) => given(i) === null);
  current = first < 0 ? 0 : first;
  buckets();
  figures();
  draw();
  document.documentElement.dataset.ready = "yes";
}
begin();
