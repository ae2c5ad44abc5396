"use strict";
// Shows the updates that come over the web socket, sends the commands of the buttons, and reconnects after the
// network, the phone or the computer was off.

const $ = (id) => document.getElementById(id);
const FRESH_MS = 1000 * Number(document.body.dataset.freshS);
const RETRY_MS = 1000;
const ANSWER_MS = 5000;
const LOAD_NEAR = 0.8;
const NEW_ALERT_S = 10;
const WORDS = {
  waiting: "waiting for the sensor",
  learning: "measuring the sensor’s rate",
  streaming: "streaming",
  filling: "receiving missed samples",
  lost: "sensor lost",
  ended: "ended",
};
const REFUSALS = {
  403: "This address is no longer valid; scan the code of this run.",
  503: "Too many browsers show this run; close one of them.",
};

let chosen = Number(new URLSearchParams(location.search).get("sensor")) || 0;
let team = [];
let measuredAt = null;
let refusal = "";

// -- connection to the computer ----------------------------------------------------------------------------
//
//                 RETRY_MS                      opened
//     waiting ---------------> connecting ----------------> open
//        ^                         |                          |
//        |  failed, or no answer   |    closed, or no update  |
//        +--- within ANSWER_MS ----+---- within FRESH_MS -----+
//
// A connection can die without any event, when a phone leaves the network or sleeps, so silence counts as an
// error. After the last sensor has ended there is nothing to wait for: the page reconnects only when it is
// shown again.

let socket = null; // null while waiting
let changedAt = 0; // when the state last changed
let heardAt = Date.now(); // when the last update was taken, on this machine's clock

function connect() {
  disconnect();
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams({ sensor: chosen });
  const own = new WebSocket(url);
  let isFirst = true;
  let offsetMs = Infinity;
  socket = own;
  // events of a socket that was given up are ignored
  own.onopen = () => {
    if (own !== socket) return;
    changedAt = Date.now();
    refusal = "";
  };
  own.onmessage = (event) => {
    if (own !== socket) return;
    const update = JSON.parse(event.data);
    // A slow network delivers late. The fastest update gives the offset of the clocks, and with it the age of
    // this one.
    const takenMs = 1000 * update.time_s;
    offsetMs = Math.min(offsetMs, Date.now() - takenMs);
    heardAt = takenMs + offsetMs;
    // the first update of a connection has all rows of the charts
    if (isFirst) clear_charts();
    isFirst = false;
    show(update);
  };
  own.onclose = () => {
    if (own !== socket) return;
    disconnect();
    if (isFirst) explain_failure();
  };
}

function disconnect() {
  const old = socket;
  socket = null;
  changedAt = Date.now();
  old?.close();
}

// Scripts do not see the status of a failed web socket; a plain request for the same path gets the same one.
async function explain_failure() {
  try {
    const reply = await fetch("ws", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    refusal = REFUSALS[reply.status] ?? "";
  } catch {
    refusal = "";
  }
  show_connection();
}

function is_overdue() {
  const now = Date.now();
  if (!socket) return now - changedAt > (refusal ? ANSWER_MS : RETRY_MS);
  if (socket.readyState === WebSocket.CONNECTING) return now - changedAt > ANSWER_MS;
  return now - Math.max(changedAt, heardAt) > FRESH_MS;
}

const has_ended = () => team.length > 0 && team.every((one) => one.link === "ended");

function watch() {
  dim_old_values();
  if (!has_ended()) {
    document.body.classList.toggle("silent", Date.now() - heardAt > FRESH_MS);
    if (is_overdue()) connect();
  }
  show_connection();
}

function wake() {
  if (document.visibilityState !== "visible") return;
  if (socket) watch();
  else connect();
}

function show_connection() {
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

// -- numbers -----------------------------------------------------------------------------------------------

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

function show(update) {
  const run = update.run;
  ({ team, chosen } = update);
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
  if (update.trends) add_trends(update.trends);
  announce();
  dim_old_values();
  show_connection();
}

function show_metric(tile, run) {
  const { column, decimals } = tile.dataset;
  const [middle, left, right] = tile.querySelectorAll("output");
  put_number(middle, run.values[column], Number(decimals));
  put_number(left, run.left[column], Number(decimals));
  put_number(right, run.right[column], Number(decimals));
  // half width of the 90 % interval, where the column has one
  const half = run.values[column.replace(/_([a-z]+)$/, "_error_$1")];
  tile.querySelector(".error").textContent = half == null ? "" : `± ${half.toFixed(Number(decimals))}`;
}

// No value older than FRESH_MS is shown, whatever the connection does.
function dim_old_values() {
  if (measuredAt === null || Date.now() - measuredAt <= FRESH_MS) return;
  for (const output of document.querySelectorAll(".metric output")) put_number(output, null, 0);
  for (const error of document.querySelectorAll(".metric .error")) error.textContent = "";
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
    contact.textContent = quantity(one.contact_time_ms, 0, "ms");
    contact.classList.toggle("none", one.contact_time_ms === null);
  });
}

function team_row(k) {
  const row = document.createElement("a");
  const search = new URLSearchParams(location.search);
  search.set("sensor", k);
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
  // after a reload, alerts that began long ago do not beep again
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
    audio.onstatechange = show_sound;
    await audio.resume();
    beep();
  }
  show_sound();
}

function show_sound() {
  const isOn = audio?.state === "running";
  $("sound").setAttribute("aria-pressed", isOn);
  put("sound", isOn ? "Sound on" : "Sound off");
}

// -- buttons -----------------------------------------------------------------------------------------------

let answerTimer = null;

function show_answer(text) {
  put("answer", text);
  $("answer").hidden = false;
  clearTimeout(answerTimer);
  answerTimer = setTimeout(() => { $("answer").hidden = true; }, 3000);
}

async function send(message, done) {
  try {
    const reply = await fetch("command", {
      method: "POST",
      body: JSON.stringify(message),
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    show_answer(reply.ok ? done : "This was not accepted.");
  } catch {
    show_answer("No answer from the computer; press again.");
  }
}

// of a team, the sensor that is shown; else the only one
const chosen_name = () => (team.length > 1 ? team[chosen].name : null);

$("lap").addEventListener("click", () => send({ command: "lap", name: chosen_name() }, "Lap noted"));
$("pain").addEventListener("click", () => $("pain_dialog").showModal());
$("pain_dialog").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  $("pain_dialog").close();
  if (button.value === "") return;
  const value = Number(button.value);
  send({ command: "pain", value, name: chosen_name() }, `Pain ${value} noted`);
});
$("stop").addEventListener("click", () => $("stop_dialog").showModal());
$("stop_dialog").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  $("stop_dialog").close();
  if (button.id === "stop_now") send({ command: "stop" }, "The run ends");
});
$("sound").addEventListener("click", toggle_sound);
// keeps the screen of a phone on; browsers allow it to pages of the same machine or over https only
document.addEventListener("click", () => { navigator.wakeLock?.request("screen").catch(() => {}); }, { once: true });

for (const event of ["online", "pageshow", "focus"]) addEventListener(event, wake);
document.addEventListener("visibilitychange", wake);
setInterval(watch, 250);
connect();
