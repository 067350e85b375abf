// The threshold below which a step counts as wrong: a slider beside the rule's explanation, with the
// model's own as its mark. The server draws the same numbers again; later runs of the same model keep
// it. Runs after stale.js, in the same function.

const thresholdInput = make("input", {
  type: "range",
  id: id + "-threshold",
  min: "0.01",
  max: "0.99",
  step: "0.01",
  list: id + "-own",
});
const thresholdMark = make("option", {});
const thresholdOutput = make("output", { for: id + "-threshold" });
const thresholdOwn = make(
  "button",
  { type: "button", class: "bd-own", hidden: true, onclick: () => setThreshold(value.own) },
  "reset",
);
const thresholdControl = make(
  "span",
  { class: "bd-threshold" },
  make("label", { for: id + "-threshold" }, "Threshold"),
  thresholdInput,
  make("datalist", { id: id + "-own" }, thresholdMark),
  thresholdOutput,
  thresholdOwn,
);
rule.after(thresholdControl);

let wantedThreshold = null; // the latest request, while the server works out another
let settingThreshold = false;

// Results of an earlier question arrive while the slider moves on; it must not jump back to theirs.
function showThreshold(now = wantedThreshold ?? value.threshold) {
  thresholdControl.hidden = value.status === "running" || value.own === undefined;
  thresholdInput.value = now;
  thresholdOutput.textContent = Number(now.toPrecision(4));
  thresholdMark.value = value.own;
  thresholdOwn.hidden = now === value.own;
  thresholdOwn.setAttribute("aria-label", `Reset to the model's own threshold, ${value.own}`);
  thresholdOwn.title = `the model's own: ${value.own}`;
}

// One question at a time; of those that wait, the newest.
async function setThreshold(threshold) {
  wantedThreshold = threshold;
  showThreshold(threshold);
  if (settingThreshold) return;
  settingThreshold = true;
  while (wantedThreshold !== null) {
    const asked = wantedThreshold;
    wantedThreshold = null;
    await redraw({ threshold: asked });
  }
  settingThreshold = false;
  showThreshold();
}

thresholdInput.addEventListener("input", () => setThreshold(Number(thresholdInput.value)));
