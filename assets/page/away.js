// Can the server be reached? Asks it while something runs or it is away, now and then while the page
// is in view, when the visitor comes back to it, and when another part has reason to doubt
// (`prm:doubt`); announces it with `prm:away` (detail: true or false). The actions (actions.js) run
// this first.

const AWAY = "The server cannot be reached; your text and results are kept.";
const ASK_RUNNING_MS = 1000;
const ASK_AWAY_MS = 1500;
const ASK_IDLE_MS = 10_000;
const PATIENCE_MS = 3000; // a busy server may take its time

let away = false;
let silent = 0; // how many times in a row it did not answer in time

// true, false, or null if it has not answered yet; a proxy answers 502 to 504 in its place.
async function serverAnswers(patience = PATIENCE_MS) {
  try {
    const reply = await fetch("healthz", {
      cache: "no-store",
      signal: AbortSignal.timeout(patience),
    });
    return reply.status < 502 || reply.status > 504;
  } catch (error) {
    return error.name === "TimeoutError" ? null : false;
  }
}

function tellAway(now) {
  if (now === away) return;
  away = now;
  document.dispatchEvent(new CustomEvent("prm:away", { detail: away }));
}

async function askServer(patience) {
  const there = await serverAnswers(patience);
  silent = there === null ? silent + 1 : 0;
  if (there !== null) tellAway(!there);
  else if (silent > 1) tellAway(true);
  return !away;
}

document.addEventListener("prm:doubt", () => askServer());

const lookedAt = () => document.visibilityState === "visible";
document.addEventListener("visibilitychange", () => lookedAt() && askServer());
for (const back of ["online", "pageshow"]) addEventListener(back, () => askServer());

async function watchServer(isRunning) {
  let asked = performance.now();
  for (;;) {
    await new Promise((done) => setTimeout(done, away ? ASK_AWAY_MS : ASK_RUNNING_MS));
    const idle = lookedAt() && performance.now() - asked > ASK_IDLE_MS;
    if (!isRunning() && !away && !idle) continue;
    await askServer();
    asked = performance.now();
  }
}
