// Export: the results as a file, or as a link that carries them in its fragment, which no server
// sees. Runs after stale.js, in the same function.

const MOST_LINK = 30_000; // characters; beyond, the session as a file is offered

const exportMenu = make("div", { class: "bd-menu", role: "menu", hidden: true });
const exportButton = make(
  "button",
  {
    type: "button",
    class: "bd-export",
    "aria-haspopup": "menu",
    "aria-expanded": "false",
    onclick: () => openExport(exportMenu.hidden),
  },
  "Export",
);
const exportSaid = make("span", { class: "bd-export-said", role: "status" });
const exportPart = make("span", { class: "bd-export-part" }, exportButton, exportMenu, exportSaid);
written.before(exportPart);

function openExport(open) {
  exportMenu.hidden = !open;
  exportButton.setAttribute("aria-expanded", String(open));
  if (!open) return;
  showWhole();
  exportMenu.querySelector("button:not([hidden])").focus();
}

function sayExport(words) {
  exportSaid.textContent = words;
  if (words) setTimeout(() => exportSaid.textContent === words && sayExport(""), 6000);
}

function download(name, blob) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const bytesOf = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

// A session as a file, by the server: { name, contents, words }, or { error }.
async function exported(format, part) {
  const packing = through(prm.merged(part), new CompressionStream("gzip"));
  const session = base64(new Uint8Array(await packing.arrayBuffer()));
  return session.length > props.max_session
    ? { error: "This is too large for the page; close the list, and export it in parts." }
    : (await prm.reply(server.export_session({ format, session }))) ?? {};
}

const unanswered = (what) => `The server did not answer; save ${what} again in a minute.`;

// What is exported: the displayed problem, or the whole list.
const exportPartNow = () => ({ method, only: !isWhole() });

async function exportAs({ format, table }) {
  openExport(false);
  exportButton.focus();
  const reply = await exported(format, exportPartNow());
  if (!reply.contents) {
    sayExport(reply.error ?? unanswered("it"));
    return;
  }
  download(reply.name, new Blob([bytesOf(reply.contents)]));
  sayExport(table ? `Saved ${reply.words}` : "Saved");
}

// --- links ----------------------------------------------------------------------------------------

const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

const through = (data, stream) => new Response(new Blob([data]).stream().pipeThrough(stream));

async function packed(text) {
  const stream = new CompressionStream("deflate-raw");
  const bytes = new Uint8Array(await through(text, stream).arrayBuffer());
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// The text in a link; null if it is not ours. Text that unpacks to more than the server reads is not
// ours either.
async function unpacked(text) {
  const most = 2_400_000;
  const stream = new DecompressionStream("deflate-raw");
  const bytes = bytesOf(text.replaceAll("-", "+").replaceAll("_", "/"));
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let size = 0;
  for (let { done, value: part } = await reader.read(); !done;) {
    size += part.length;
    if (size > most) {
      await reader.cancel();
      return null;
    }
    parts.push(part);
    ({ done, value: part } = await reader.read());
  }
  return await new Blob(parts).text();
}

async function copyLink() {
  openExport(false);
  exportButton.focus();
  const state = isWhole()
    ? { title: prm.listed().title, session: prm.merged({ method }) }
    : { draft: prm.draft, method, results: prm.storedResults(value), said: prm.labels.all() };
  const link = `${location.origin}${location.pathname}#s=${await packed(JSON.stringify(state))}`;
  if (link.length > MOST_LINK) {
    sayExport("Too large for a link; save the session as a file instead.");
    return;
  }
  sayExport(Table.copyText(link) ? "Link copied" : "Copying is not allowed here");
}

async function openLink() {
  const [, text] = location.hash.match(/^#s=([\w-]+)$/) ?? [];
  if (!text) return;
  history.replaceState(null, "", location.pathname + location.search);
  const state = await unpacked(text).then(JSON.parse).catch(() => null);
  if (typeof state?.session === "string") {
    await prm.loaded;
    const detail = { text: state.session, title: String(state.title) };
    document.dispatchEvent(new CustomEvent("prm:open-session", { detail }));
    return;
  }
  const ours = state && typeof state.draft?.problem === "string" &&
    Array.isArray(state.draft.solutions) && typeof state.results === "string";
  if (!ours) {
    empty.before(unkept);
    sayUnkept("This link is damaged or comes from another program; nothing was opened.");
    return;
  }
  await prm.loaded;
  const from = prm.place?.();
  prm.leaveList?.();
  if (radios.has(state.method)) method = state.method;
  const detail = { draft: state.draft, from };
  document.dispatchEvent(new CustomEvent("prm:open-draft", { detail }));
  prm.labels.load(state.said);
  document.dispatchEvent(new CustomEvent("prm:show-results", { detail: state.results }));
}

// --- the menu ---------------------------------------------------------------------------------------

const entry = (label, act) =>
  make("button", { type: "button", role: "menuitem", tabindex: "-1", onclick: act }, label);
const wholeEntry = make("button", {
  type: "button",
  role: "menuitemcheckbox",
  "aria-checked": "false",
  tabindex: "-1",
  onclick: () => {
    wholeEntry.setAttribute("aria-checked", String(!isWhole()));
    showWhole();
  },
});
const isWhole = () => wholeEntry.getAttribute("aria-checked") === "true";

// The menu speaks of the displayed problem, or of the whole list where there is one.
function showWhole() {
  const n = prm.listed?.()?.n ?? 0;
  wholeEntry.hidden = n < 2;
  if (n < 2) wholeEntry.setAttribute("aria-checked", "false");
  const box = make("span", { "aria-hidden": "true" }, isWhole() ? "☑ " : "☐ ");
  wholeEntry.replaceChildren(box, `All ${n.toLocaleString("en")} problems`);
}

exportMenu.append(
  wholeEntry,
  entry("Copy a link to these results", copyLink),
  ...props.formats.map((one) => entry(one.label, () => exportAs(one))),
);
exportMenu.addEventListener("keydown", (event) => {
  const all = [...exportMenu.children].filter((one) => !one.hidden);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) all.at((all.indexOf(document.activeElement) + step) % all.length).focus();
  else if (event.key === "Escape") {
    openExport(false);
    exportButton.focus();
  } else return;
  event.preventDefault();
});
document.addEventListener("pointerdown", (event) => {
  if (!exportPart.contains(event.target)) openExport(false);
});

function showExport() {
  // It keeps its place, so that nothing moves when the run ends.
  exportPart.style.visibility = value.status === "running" ? "hidden" : "";
}

openLink();
addEventListener("hashchange", openLink);

// --- begin ----------------------------------------------------------------------------------------------

showTab("Steps");
showColours();
watch("value", update);
update();
