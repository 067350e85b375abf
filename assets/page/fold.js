// A long text in the editor shows its beginning, ends in a fade, and opens when it is worked on:
// the page scrolls, no box inside it does. How many lines a folded text has is in the style
// sheet (`--prm-lines`), fewer where there are many solutions.

// `frame` clips; `area` and its `mirror`, which has the text's height, lie in it.
function foldable(frame, area, mirror) {
  const button = make("button", { type: "button", class: "prm-unfold", hidden: "" }, "Show all");
  let pasting = false;
  frame.classList.add("prm-fold");
  frame.after(button);

  function open(on) {
    frame.classList.toggle("prm-open", on);
    button.textContent = on ? "Show less" : "Show all";
    button.setAttribute("aria-expanded", String(on));
    measure();
  }

  function measure() {
    const hidden = mirror.getBoundingClientRect().bottom - frame.getBoundingClientRect().bottom;
    const long = frame.classList.contains("prm-open") || hidden > 2;
    frame.classList.toggle("prm-long", long);
    button.hidden = !long;
  }

  const work = () => {
    if (!pasting && frame.classList.contains("prm-long")) open(true);
  };
  area.addEventListener("pointerdown", work);
  area.addEventListener("beforeinput", work);
  area.addEventListener("keydown", (event) => {
    const typing = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (typing && !["Tab", "Shift", "Control", "Meta", "Alt"].includes(event.key)) work();
  });
  // What was pasted is shown from its beginning, though the caret is at its end.
  area.addEventListener("paste", () => {
    pasting = true;
    setTimeout(() => {
      pasting = false;
      open(false);
      frame.scrollIntoView({ block: "nearest" });
    });
  });
  button.addEventListener("click", () => {
    open(!frame.classList.contains("prm-open"));
    if (!frame.classList.contains("prm-open")) frame.scrollIntoView({ block: "nearest" });
  });
  const sizes = new ResizeObserver(measure);
  sizes.observe(mirror);
  sizes.observe(frame);
}
