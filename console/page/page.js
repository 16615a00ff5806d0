// Shows what /events sends. Every text is set as text, so that nothing a miner writes becomes part of the page.
"use strict";

const percent = (share) => `${(share * 100).toFixed(1)} %`;
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const time = (at) => new Date(at * 1000).toLocaleTimeString();

const MINERS = [
  ["uid", (one) => one.uid, "number"],
  ["miner", (one) => one.name || `${one.hotkey.slice(0, 12)}…`, "text"],
  ["score", (one) => one.score.toFixed(3), "number"],
  ["planned", (one) => percent(one.planned), "number"],
  ["on chain", (one) => percent(one.on_chain), "number"],
  ["answered", (one) => `${one.answered} of ${one.rounds}`, "number"],
  ["time", (one) => seconds(one.latency_ms), "number"],
  ["state", (one) => one.state, (one) => (one.state === "active" ? "good" : "bad")],
];
const LAST = [
  ["uid", (one) => one.uid, "number"],
  ["came", (one) => one.state, (one) => (one.state === "answered" ? "good" : "bad")],
  ["cluster", (one) => one.cluster || "–"],
  ["time", (one) => seconds(one.ms), "number"],
  ["reason", (one) => one.reason, "text"],
];
const ROUNDS = [
  ["at", (one) => time(one.at)],
  ["kind", (one) => one.kind, "text"],
  ["source", (one) => one.source],
  ["answered", (one) => `${one.answered} of ${one.asked}`, "number"],
  ["clusters", (one) => one.clusters.join(" + ") || "–"],
  ["agreement", (one) => percent(one.agreement), "number"],
  ["winner", (one) => (one.winner === null ? "–" : `uid ${one.winner}`), "number"],
  ["took", (one) => seconds(one.duration_ms), "number"],
];

function cell(tag, text, style) {
  const made = document.createElement(tag);
  made.textContent = String(text);
  if (style) made.className = style;
  return made;
}

function fill(id, columns, rows) {
  const head = document.createElement("tr");
  for (const [name, , style] of columns) head.append(cell("th", name, style === "number" ? style : ""));
  const lines = rows.map((row) => {
    const line = document.createElement("tr");
    for (const [, value, style] of columns) {
      line.append(cell("td", value(row), typeof style === "function" ? style(row) : style));
    }
    return line;
  });
  document.getElementById(id).replaceChildren(head, ...lines);
}

function show(told) {
  const { subnet, validator, health } = told;
  document.getElementById("title").textContent = `Subnet ${subnet.netuid} on ${subnet.network}`;
  document.title = `Subnet ${subnet.netuid}`;
  const answering = told.miners.filter((one) => one.state === "active").length;
  const weights = told.weights ? `weights ${told.weights.outcome} at block ${told.weights.block}` : "no weights set yet";
  document.getElementById("about").textContent =
    `block ${subnet.block} · ${answering} of ${told.miners.length} miners answer · ` +
    `${told.rounds_done} rounds · ${weights}`;
  fill("miners", MINERS, told.miners);
  fill("last", LAST, told.last_round ? told.last_round.cells : []);
  fill("rounds", ROUNDS, told.rounds);
  const wrong = [
    ...(health.chain_reachable ? [] : ["the chain cannot be reached"]),
    ...(health.paused ? ["asking is paused"] : []),
    ...health.stopped.map((name) => `${name} has stopped`),
  ];
  say(`${wrong.join(" · ") || "all is well"} · as of ${time(told.at)} · validator ${validator.hotkey}`, wrong.length);
}

function say(text, wrong) {
  const health = document.getElementById("health");
  health.textContent = text;
  health.className = wrong ? "bad" : "";
}

const events = new EventSource("events");
events.onmessage = (event) => show(JSON.parse(event.data));
events.onerror = () => say("the validator cannot be reached: trying again", true);
