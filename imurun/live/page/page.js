"use strict";
// Fills the page from the model "moment" of the bokeh document, sends what buttons ask for, and comes back by
// itself when the network, this phone or the computer slept.

const $ = (id) => document.getElementById(id);
const FRESH_MS = 1000 * Number(document.body.dataset.freshS);
const RETRY_MS = 1000;
const ANSWER_MS = 5000;
// bokeh's script keeps the documents of broken connections; a new page frees them
const MOST_MENDS = 30;
const LOAD_NEAR = 0.8;
const NEW_ALERT_S = 10;
const WORDS = {
  waiting: "waiting for the sensor",
  learning: "learning the sensor’s rate",
  streaming: "streaming",
  filling: "filling in what was missed",
  lost: "sensor lost",
  ended: "ended",
};

let heardAt = Date.now();
let triedAt = 0;
let isLost = true;
let isConnecting = false;
let mends = 0;
let views = [];
let chosen = Number(new URLSearchParams(location.search).get("who")) || 0;
let team = [];
let measuredAt = null;
let refusal = "";

// -- the link to the computer ------------------------------------------------------------------------------

async function post(path, message) {
  return fetch(path, {
    method: "POST",
    body: JSON.stringify(message),
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWER_MS),
  });
}

async function connect() {
  if (isConnecting) return;
  isConnecting = true;
  triedAt = Date.now();
  try {
    const reply = await post("session", { chosen });
    refusal = reply.status === 403 ? "This address is no longer valid; scan the code of this run." : "";
    if (!reply.ok) return;
    if (++mends > MOST_MENDS) {
      location.reload();
      return;
    }
    const item = await reply.json();
    for (const view of views) view.clear();
    views = [];
    const shown = await Bokeh.embed.embed_items({}, [item], "/");
    if (!shown.length) return;
    views = shown;
    follow(Bokeh.documents.at(-1));
  } catch {
    // the computer does not answer: tried again by watch()
  } finally {
    isConnecting = false;
    triedAt = Date.now();
    tell_link();
  }
}

function follow(doc) {
  const moment = doc.get_model_by_name("moment");
  const take = () => {
    heardAt = Date.now();
    show(JSON.parse(moment.data.json[0]));
  };
  doc.on_event("connection_lost", () => { isLost = true; });
  moment.properties.data.change.connect(take);
  isLost = false;
  take();
}

const has_ended = () => team.length > 0 && team.every((one) => one.link === "ended");

function watch() {
  if (measuredAt !== null && Date.now() - measuredAt > FRESH_MS) dim_values();
  if (has_ended()) {
    tell_link();
    return;
  }
  const silentMs = Date.now() - heardAt;
  document.body.classList.toggle("silent", silentMs > FRESH_MS);
  tell_link();
  if ((isLost || silentMs > FRESH_MS) && Date.now() - triedAt > RETRY_MS) connect();
}

function wake() {
  if (document.visibilityState === "visible" && (isLost || Date.now() - heardAt > RETRY_MS)) {
    triedAt = 0;
    if (has_ended()) connect();
    else watch();
  }
}

function tell_link() {
  if (has_ended()) {
    put("trouble", "The run has ended; its files are on the computer.");
    $("trouble").hidden = false;
    return;
  }
  const silentMs = Date.now() - heardAt;
  if (silentMs <= FRESH_MS) {
    $("trouble").hidden = !$("trouble").textContent;
    return;
  }
  const silent = refusal || `No word from the computer for ${Math.round(silentMs / 1000)} s; trying again.`;
  put("trouble", silent);
  $("trouble").hidden = false;
  document.querySelector("#link .word").textContent = "no connection";
  document.body.dataset.link = "lost";
}

// -- what is shown -----------------------------------------------------------------------------------------

function put(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

function put_number(output, value, decimals) {
  const text = value === null || value === undefined ? "–" : value.toFixed(decimals);
  if (output.textContent !== text) output.textContent = text;
  output.classList.toggle("none", text === "–");
  output.dataset.length = text.length;
}

function duration(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor(all / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

const quantity = (value, decimals, unit) =>
  value === null || value === undefined ? "–" : `${value.toFixed(decimals)} ${unit}`;

function show(moment) {
  const run = moment.run;
  team = moment.team;
  measuredAt = run.age_s === null ? null : heardAt - 1000 * run.age_s;
  document.body.dataset.link = run.link;
  put("name", run.name);
  document.querySelector("#link .word").textContent = WORDS[run.link] ?? run.link;
  put("elapsed", duration(run.elapsed_s));
  put("bout", run.bout);
  const isOld = run.age_s !== null && !run.is_fresh && run.link !== "ended";
  put("trouble", [run.trouble, isOld ? `The last sample is ${Math.round(run.age_s)} s old.` : ""].join(" ").trim());
  for (const tile of document.querySelectorAll(".metric")) show_metric(tile, run);
  show_load(run);
  show_sensor(run);
  show_list("alerts", "p", run.alerts.map((alert) => alert.sentence));
  show_list("notes", "li", run.notes);
  show_team();
  announce();
  tell_link();
}

function show_metric(tile, run) {
  const { column, decimals } = tile.dataset;
  const [middle, left, right] = tile.querySelectorAll("output");
  put_number(middle, run.values[column], Number(decimals));
  put_number(left, run.left[column], Number(decimals));
  put_number(right, run.right[column], Number(decimals));
}

function dim_values() {
  for (const output of document.querySelectorAll(".metric output")) put_number(output, null, 0);
  put("bout", "gap");
}

function show_load(run) {
  const limit = run.load_limit_bw4;
  put("load", run.load_bw4.toFixed(0));
  put("limit", limit ? `of ${limit.toFixed(0)} · ${((100 * run.load_bw4) / limit).toFixed(0)} %` : "no limit known yet");
  const gauge = $("gauge");
  gauge.hidden = !limit;
  if (!limit) return;
  const part = run.load_bw4 / limit;
  gauge.dataset.level = part >= 1 ? "over" : part >= LOAD_NEAR ? "near" : "good";
  gauge.setAttribute("aria-valuenow", Math.min(100, Math.round(100 * part)));
  gauge.firstElementChild.style.width = `${Math.min(100, 100 * part)}%`;
}

function show_sensor(run) {
  put("battery", quantity(run.battery_percent, 0, "%"));
  put("rate", quantity(run.rate_hz, 1, "Hz"));
  put("delay", run.is_fresh ? quantity(run.delay_s, 2, "s") : "–");
  put("missing", quantity(run.missing_s, 1, "s"));
  put("filling", quantity(run.filling_s, 1, "s"));
  put("dropped", String(run.n_dropped));
  put("steps", String(run.n_steps));
  put("laps", String(run.n_laps));
  put("last_pain", run.last_pain === null ? "–" : run.last_pain.toFixed(0));
}

function show_list(id, tag, texts) {
  const list = $(id);
  const have = [...list.children].map((entry) => entry.textContent);
  if (have.length === texts.length && have.every((text, k) => text === texts[k])) return;
  list.replaceChildren(
    ...texts.map((text) => Object.assign(document.createElement(tag), { textContent: text })),
  );
}

function show_team() {
  const nav = $("team");
  nav.hidden = team.length < 2;
  if (nav.hidden) return;
  while (nav.children.length < team.length) nav.append(team_row(nav.children.length));
  while (nav.children.length > team.length) nav.lastChild.remove();
  team.forEach((one, k) => {
    const row = nav.children[k];
    row.dataset.link = one.link;
    row.dataset.alert = one.alerts.length > 0;
    row.setAttribute("aria-current", k === chosen);
    const [who, state, cadence, contact] = row.querySelectorAll("b, small, .number");
    who.textContent = one.name;
    state.textContent = one.link === "streaming" ? one.bout : WORDS[one.link] ?? one.link;
    put_number(cadence, one.cadence_spm, 0);
    contact.textContent = one.contact_time_ms === null ? "–" : `${one.contact_time_ms.toFixed(0)} ms`;
  });
}

function team_row(k) {
  const row = document.createElement("a");
  const search = new URLSearchParams(location.search);
  search.set("who", k);
  row.href = `?${search}`;
  const who = Object.assign(document.createElement("span"), { className: "who" });
  who.append(document.createElement("b"), document.createElement("small"));
  row.append(who);
  for (let n = 0; n < 2; n++) row.append(Object.assign(document.createElement("span"), { className: "number" }));
  return row;
}

// -- beep and vibration ------------------------------------------------------------------------------------

let audio = null;
let announced = null;

function announce() {
  const alerts = team.flatMap((one) =>
    one.alerts.map((alert) => ({ key: `${one.name} ${alert.key} ${alert.time_s}`, ageS: one.elapsed_s - alert.time_s })),
  );
  // after a reload, what began long ago was heard before
  const isNew = alerts.some(({ key, ageS }) => (announced ? !announced.has(key) : ageS < NEW_ALERT_S));
  announced = new Set(alerts.map(({ key }) => key));
  if (!isNew) return;
  beep();
  if (navigator.vibrate && navigator.userActivation?.hasBeenActive) navigator.vibrate([300, 120, 300]);
}

function beep() {
  if (audio?.state !== "running") return;
  for (const start of [0, 0.3, 0.6]) {
    const tone = new OscillatorNode(audio, { frequency: 880 });
    const loudness = new GainNode(audio, { gain: 0.4 });
    tone.connect(loudness).connect(audio.destination);
    tone.start(audio.currentTime + start);
    tone.stop(audio.currentTime + start + 0.18);
  }
}

async function toggle_sound() {
  if (audio?.state === "running") {
    await audio.suspend();
  } else {
    audio ??= new AudioContext();
    audio.onstatechange = tell_sound;
    await audio.resume();
    beep();
  }
  tell_sound();
}

function tell_sound() {
  const isOn = audio?.state === "running";
  $("sound").setAttribute("aria-pressed", isOn);
  put("sound", isOn ? "Sound on" : "Sound off");
}

// -- buttons -----------------------------------------------------------------------------------------------

let toldTimer = null;

function tell(text) {
  put("told", text);
  $("told").hidden = false;
  clearTimeout(toldTimer);
  toldTimer = setTimeout(() => { $("told").hidden = true; }, 3000);
}

async function ask(message, done) {
  try {
    const reply = await post("ask", message);
    tell(reply.ok ? done : "This was not taken.");
  } catch {
    tell("The computer did not hear it; press again.");
  }
}

const name_asked = () => (team.length > 1 ? team[chosen].name : null);

$("lap").addEventListener("click", () => ask({ ask: "lap", name: name_asked() }, "Lap noted"));
$("pain").addEventListener("click", () => $("pain_dialog").showModal());
$("pain_dialog").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  $("pain_dialog").close();
  if (button.value === "") return;
  const value = Number(button.value);
  ask({ ask: "pain", value, name: name_asked() }, `Pain ${value} noted`);
});
$("stop").addEventListener("click", () => $("stop_dialog").showModal());
$("stop_dialog").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  $("stop_dialog").close();
  if (button.id === "stop_now") ask({ ask: "stop" }, "The run ends");
});
$("sound").addEventListener("click", toggle_sound);
// a phone that sleeps cannot be read; only a page from this machine or over https may ask for this
document.addEventListener("click", () => { navigator.wakeLock?.request("screen").catch(() => {}); }, { once: true });

for (const event of ["online", "pageshow", "focus"]) addEventListener(event, wake);
document.addEventListener("visibilitychange", wake);
setInterval(watch, 250);
connect();
