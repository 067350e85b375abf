// What a pasted text contains: one solution, several, or a whole problem with its solutions.
//
// Plain functions of text; the editor (editor.js) runs this first and does the rest.

// --- several solutions between lines of dashes --------------------------------------------------

const DASHES = /^ {0,3}-{3,}[ \t]*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const TILDES = /^ {0,3}~{5,}[ \t]*$/; // a rule, unless it ends such a fence
const OPENS = /<(?:think|thinking|reasoning)>|\\begin\{|\[asy\]/g;
const CLOSES = /<\/(?:think|thinking|reasoning)>|\\end\{|\[\/asy\]/g;
// "Step 2", "### 2.", "**2)**": the number that a step's first line carries.
const NUMBERED =
  /^[ \t]*(?:[-*+•>][ \t]+)?(?:#{1,6}[ \t]*)?(?:\*\*|__)?[ \t]*(?:(?:step|étape|etape|schritt|paso|passo|шаг|步骤|步驟)[ \t]*(\d{1,6})\b|(\d{1,3})[.):](?=[ \t*_]|$))/i;
// "+ 5" above dashes is a sum written out, not the end of a solution.
const SUMMAND = /^[ \t]*[-+−×x*÷/][ \t]*[\d.,]+[ \t]*$/;
const NUMBER = /^[ \t]*[\d.,]+[ \t]*$/;

// The parts of a text between lines of dashes that are outside code, formulas and thinking.
function betweenDashes(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const found = [[]];
  let fence = "";
  let depth = 0;
  lines.forEach((line, i) => {
    const mark = line.match(FENCE)?.[1];
    if (fence) {
      if (mark?.startsWith(fence) && !line.trim().slice(mark.length)) fence = "";
    } else if (mark && !TILDES.test(line)) fence = mark;
    depth = Math.max(
      0,
      depth + (line.match(OPENS)?.length ?? 0) - (line.match(CLOSES)?.length ?? 0),
    );
    const sum = SUMMAND.test(lines[i - 1] ?? "") && NUMBER.test(lines[i + 1] ?? "");
    if (!fence && !depth && !sum && DASHES.test(line)) found.push([]);
    else found.at(-1).push(line);
  });
  return found
    .map((part) => part.join("\n").replace(/^(?:[ \t]*\n)+|\s+$/g, ""))
    .filter(Boolean);
}

function numbers(part) {
  return part
    .split("\n")
    .map((line) => line.match(NUMBERED))
    .filter(Boolean)
    .map((found) => Number(found[1] ?? found[2]));
}

// Parts whose numbering continues belong together: a rule between "Step 1" and "Step 2" is an
// ornament, and where rules are ornaments, a part without a number is not a solution of its own
// either. Then a new solution starts only where the numbering restarts.
function solutionsIn(text) {
  const parts = betweenDashes(text);
  const counts = parts.map(numbers);
  let last = 0;
  const goesOn = counts.some((count) => {
    const on = last > 0 && count[0] > 1 && count[0] === last + 1;
    last = count.at(-1) ?? last;
    return on;
  });
  if (!goesOn) return parts;
  const joined = [];
  let counted = false; // the solution that is being put together has a number
  parts.forEach((part, i) => {
    const anew = counts[i][0] === 1 && counted;
    if (!joined.length || anew) {
      joined.push(part);
      counted = false;
    } else joined[joined.length - 1] += `\n\n---\n\n${part}`;
    counted ||= counts[i].length > 0;
  });
  return joined;
}

// --- JSON ---------------------------------------------------------------------------------------

const NAMES = {
  problem: ["problem", "question", "prompt", "query", "instruction", "input"],
  solutions: [
    "solutions",
    "candidates",
    "responses",
    "completions",
    "outputs",
    "generations",
    "samples",
  ],
  solution: [
    "solution",
    "response",
    "completion",
    "output",
    "generation",
    "steps",
    "process",
    "answer_text",
  ],
  gold: [
    "gold_answer",
    "gold",
    "ground_truth_answer",
    "ground_truth",
    "reference_answer",
    "expected_answer",
    "target",
    "final_answer",
    "answer",
  ],
  text: ["text", "solution", "response", "completion", "output", "content", "steps", "process"],
};

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function field(row, names) {
  const name = names.find((one) => row[one] !== undefined && row[one] !== null);
  return name === undefined ? undefined : row[name];
}

// The JSON values in a text: one value, or one on each line; null when it is not JSON.
function jsonValues(text) {
  const whole = text.trim();
  if (!/^[[{]/.test(whole)) return null;
  try {
    return [JSON.parse(whole)];
  } catch {
    // Perhaps one value a line.
  }
  try {
    return whole.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
  } catch {
    return null; // a solution may well start with a bracket
  }
}

// --- tables -------------------------------------------------------------------------------------

const DELIMITERS = [",", "\t", ";", "|"];

// The cells of each line; one in quotes may contain delimiters and line breaks. Null where a quote is
// not closed.
function cellsOf(text, delimiter) {
  const rows = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const row = rows.at(-1);
    const sign = text[i];
    if (quoted && sign === '"' && text[i + 1] === '"') {
      row[row.length - 1] += sign;
      i += 1;
    } else if (sign === '"' && (quoted || !row.at(-1))) quoted = !quoted;
    else if (!quoted && sign === delimiter) row.push("");
    else if (!quoted && sign === "\n") rows.push([""]);
    else row[row.length - 1] += sign;
  }
  return quoted ? null : rows.filter((row) => row.some((cell) => cell.trim()));
}

// A cell's value; a list of solutions is in it as JSON. Undefined where it is blank.
function cellValue(cell) {
  const value = jsonValues(cell);
  return value?.length === 1 ? value[0] : cell.trim() ? cell : undefined;
}

// The rows of a table (CSV, or cells of a spreadsheet) as objects: a line of names, one of which is
// that of a problem in words, and as many cells on each line. Null where it is none.
function tableRows(text) {
  const lines = text.replace(/\r\n?/g, "\n");
  const [head] = lines.split("\n", 1);
  const [delimiter] = [...DELIMITERS].sort((a, b) => head.split(b).length - head.split(a).length);
  const [names = []] = cellsOf(head.toLowerCase(), delimiter) ?? [];
  const asked = names.findIndex((name) => NAMES.problem.includes(name.trim()));
  if (asked < 0 || names.length < 2) return null;
  const rows = cellsOf(lines, delimiter)?.slice(1);
  const fits = (row) => row.length === names.length && /\p{L}/u.test(row[asked]);
  if (!rows?.length || !rows.every(fits)) return null;
  return rows.map((row) =>
    Object.fromEntries(row.map((cell, i) => [names[i].trim(), cellValue(cell)]))
  );
}

// One solution as a person would type it; null when the value is not a solution.
function solutionText(value) {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) {
    const steps = value.map((step) => (isObject(step) ? field(step, NAMES.text) : step));
    const texts = steps.length && steps.every((step) => typeof step === "string");
    return texts ? joined(steps) : null;
  }
  return isObject(value) ? solutionText(field(value, NAMES.text)) : null;
}

// Steps become lines; if a step has lines of its own, a blank line separates the steps.
function joined(steps) {
  return steps.join(steps.some((step) => step.includes("\n")) ? "\n\n" : "\n");
}

// A list of solutions; null when one of them is not a solution.
function solutionTexts(values) {
  if (!Array.isArray(values) || !values.length) return null;
  const texts = values.map(solutionText);
  return texts.includes(null) ? null : texts;
}

// The values of "solution_1" or "Solution A" and their like; undefined where there is none.
function numberedSolutions(row) {
  const names = Object.keys(row).filter((name) => /^solution[ _-]?(?:\d{1,3}|[a-z])$/i.test(name));
  const values = names.map((name) => row[name]).filter((value) => value !== undefined);
  return values.length ? values : undefined;
}

// A right answer as text; GSM8K's comes after "####".
function goldText(value) {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string" || !value.trim()) return null;
  const last = value.split("####").at(-1).trim();
  return last.includes("\n") || last.length > 500 ? null : last;
}

// A chat of one question and one answer as a row.
function chatOf(value) {
  const turns = field(value, ["messages", "conversations", "conversation"]);
  if (!Array.isArray(turns) || !turns.every(isObject)) return null;
  const said = (...roles) =>
    turns.filter((turn) => roles.includes(turn.role ?? turn.from)).map((turn) =>
      turn.content ?? turn.value
    );
  const [questions, answers] = [said("user", "human"), said("assistant", "gpt")];
  const texts = [...questions, ...answers].every((one) => typeof one === "string" && one.trim());
  if (!texts || questions.length !== 1 || answers.length !== 1) return null;
  return { problem: questions[0], solutions: answers, gold: null };
}

// The branch that was followed in PRM800K's tree of rated completions.
function followed(label) {
  if (!Array.isArray(label?.steps)) return null;
  const step = ({ completions, chosen_completion: at, human_completion: own }) =>
    own ?? completions?.[at ?? 0];
  return solutionText(label.steps.map(step));
}

// A row with a problem: { problem, solutions, gold }; null when it has none.
function rowOf(value) {
  if (!isObject(value)) return null;
  const chat = chatOf(value);
  if (chat) return chat;
  const asked = field(value, NAMES.problem);
  const nested = isObject(asked) ? asked : value;
  const problem = isObject(asked) ? field(asked, NAMES.problem) : asked;
  if (typeof problem !== "string" || !problem.trim()) return null;
  const one = solutionText(field(value, NAMES.solution)) ?? followed(value.label);
  const several = field(value, NAMES.solutions) ?? numberedSolutions(value);
  const solutions = solutionTexts(several) ?? (one === null ? [] : [one]);
  const gold = goldText(field(value, NAMES.gold)) ?? goldText(field(nested, NAMES.gold));
  const first = solutions.length ? -1 : problem.lastIndexOf("Step 1:");
  if (first < 1) return { problem, solutions, gold };
  // Math-Shepherd's rows have both in one text.
  return { problem: problem.slice(0, first).trim(), solutions: [problem.slice(first)], gold };
}

// Rows of one problem are one row with all its solutions.
function grouped(rows) {
  const found = new Map();
  for (const row of rows) {
    const same = found.get(row.problem);
    if (!same) found.set(row.problem, { ...row, solutions: [...row.solutions] });
    else {
      same.solutions.push(...row.solutions);
      same.gold ??= row.gold;
    }
  }
  return [...found.values()];
}

// The problems in a pasted text: one row, rows on lines, a list of rows or a table; null when it has
// none.
function problemRows(text) {
  const values = jsonValues(text) ?? tableRows(text);
  if (!values) return null;
  const rows = (values.length === 1 && Array.isArray(values[0]) ? values[0] : values).map(rowOf);
  return rows.length && !rows.includes(null) ? grouped(rows) : null;
}

// The solutions in JSON without a problem; null when it contains none.
function listedSolutions(text) {
  const values = jsonValues(text);
  if (!values) return null;
  const listed = values.length === 1 ? values[0] : values;
  if (!isObject(listed)) return solutionTexts(listed);
  return solutionTexts(field(listed, NAMES.solutions) ?? [field(listed, NAMES.solution)]);
}

// What a text pasted into a solution's box contains: { rows }, { solutions, rules }, or null for one
// solution. `rules`: it was cut at lines of dashes, which may have been ornaments.
function pastedInto(text) {
  const rows = problemRows(text);
  if (rows?.some((row) => row.solutions.length)) return { rows };
  const listed = listedSolutions(text);
  if (listed) return { solutions: listed, rules: false };
  const solutions = solutionsIn(text);
  return solutions.length > 1 ? { solutions, rules: true } : null;
}
