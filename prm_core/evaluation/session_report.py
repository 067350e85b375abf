"""A session as one HTML page that needs nothing else: no network, not even this program.

It can be read, printed and kept; it contains the session as JSON, so it opens again as the same
session (`prm_core.session.open_session`). Every text that came from a file, a person or a model is
escaped, and the page's policy forbids it to run or load anything. If it contains formulas, KaTeX is
in the page and typesets them as MathML; the policy names these scripts by their hashes. Without
them formulas are shown as they were written.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from hashlib import sha256
from itertools import groupby

from prm_core.errors import InputError
from prm_core.evaluation.choices import Choice, Comparison, compare_pool
from prm_core.evaluation.two_models import ModelComparison, compare_models, difference_words
from prm_core.figures.step_bars import PALETTES, Palette, band, format_apart, format_probability
from prm_core.formats.containers import SESSION
from prm_core.paths import assets_dir, page_script
from prm_core.ranking.aggregate import METHODS
from prm_core.ranking.rank import rank
from prm_core.session.codec import session_json
from prm_core.session.record import Label, Model, Problem, Session, Solution
from prm_core.types import Candidate, RankedCandidate, ScoredCandidate


def session_html(session: Session, *, only: int | None = None) -> str:
    """A session as one HTML page.

    Args:
        session: what to show. Its settings give the model, rule and threshold; a second model to
            compare is shown beside the first.
        only: index of the only problem to show and keep; None for all.

    Raises:
        InputError: the session contains values that JSON cannot.
    """
    if only is not None:
        problems = (session.problems[only],)
        settings = replace(session.settings, problem=0)
        session = replace(session, problems=problems, settings=settings)
    show = _Show.of(session)
    title = session.title or "PRM Inspector: a report"
    kept = session_json(session)
    body = "\n".join(_problem(number, one, show) for number, one in enumerate(session.problems))
    scripts = _scripts() if _FORMULA.search(kept) or _TEX in body else ()
    return _PAGE.format(
        policy=_policy(scripts),
        scripts="".join(f"<script>{one}</script>\n" for one in scripts),
        title=_escape(title),
        style=_style(),
        about="".join(f"<p>{line}</p>" for line in _about(session, show)),
        contents=_contents(session.problems),
        body=body,
        element=SESSION,
        session=_data(kept),
    )


@dataclass(frozen=True, slots=True)
class _Show:
    """The model, the rule and the threshold."""

    model: str
    other: str
    method: str
    threshold: float
    models: dict[str, Model]

    @classmethod
    def of(cls, session: Session) -> _Show:
        model = session.model.id if session.model else ""
        settings = session.settings
        models = {one.id: one for one in session.models}
        return cls(model, settings.other, settings.aggregation, session.threshold, models)

    def name(self, model: str) -> str:
        """A model's name for people."""
        return self.models[model].label or model


def _escape(text: str) -> str:
    """Escaped text that does not change the direction of its surroundings."""
    return html.escape(text.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def _text(text: str) -> str:
    return f'<bdi dir="auto">{_escape(text)}</bdi>'


def _data(json: str) -> str:
    """JSON that is safe inside a script element: nothing in it can end or open one."""
    return json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _about(session: Session, show: _Show) -> Iterator[str]:
    if session.model:
        how = "recorded scores of" if session.model.recorded else "scored by"
        rule = METHODS[show.method]
        yield (
            f"{how[0].upper()}{how[1:]} <b>{_escape(show.name(show.model))}</b> · "
            f"ranked by {_escape(rule.label.lower())} ({_escape(rule.formula)}) · "
            f"a step below {show.threshold:g} counts as wrong"
        )
        if session.model.note:
            yield _text(session.model.note)
    if show.other:
        yield f"Compared with <b>{_escape(show.name(show.other))}</b>: the thin bars"
    if session.annotator:
        yield f"Labelled by {_text(session.annotator)}"
    if session.note:
        yield _text(session.note)


def _contents(problems: Sequence[Problem]) -> str:
    if len(problems) < 2:
        return ""
    items = "".join(
        f'<li><a href="#problem-{number}">{_text(_short(one.problem, 120))}</a></li>'
        for number, one in enumerate(problems)
    )
    return f'<nav aria-label="Problems"><ol>{items}</ol></nav>'


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


# --- formulas -------------------------------------------------------------------------------------

# What `assets/page/formulas.js` may find one in, as JSON writes it; a sum of money is none.
_FORMULA = re.compile(
    r'(?<![\w$])\$[^\s$"][^$"]*(?<!\s)\$(?![\d$])|\$\$|\\\\(?:[(\[]|begin\{|boxed\{)'
)

_TEX = 'class="tex"'


@cache
def _scripts() -> tuple[str, ...]:
    """KaTeX, and what makes it typeset a report.

    Raises:
        InputError: a file is missing.
    """
    try:
        katex = assets_dir() / "vendor" / "katex" / "katex.min.js"
        ours = page_script("formulas.js", "report.js")
        return katex.read_text(encoding="utf-8").strip(), ours.strip()
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read, so formulas cannot be shown") from error


def _policy(scripts: Sequence[str]) -> str:
    """Nothing is loaded, and only these scripts run."""
    digests = (base64.b64encode(sha256(one.encode()).digest()).decode() for one in scripts)
    hashes = " ".join(f"'sha256-{one}'" for one in digests)
    return "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'" + (
        f"; script-src {hashes}" if hashes else ""
    )


# --- a problem ------------------------------------------------------------------------------------


def _problem(number: int, problem: Problem, show: _Show) -> str:
    scored = problem.scored(show.model) if show.model else [None] * len(problem.solutions)
    there = [(index, one) for index, one in enumerate(scored) if one is not None]
    ranking = rank([one for _, one in there], show.method)
    order = [there[place.index][0] for place in ranking]
    rest = [index for index in range(len(scored)) if index not in set(order)]
    parts = [
        f'<section id="problem-{number}"><h2>Problem {number + 1}'
        + (f": {_text(str(problem.id))}" if problem.id is not None else "")
        + "</h2>",
        f'<p class="problem">{_text(problem.problem)}</p>',
    ]
    if problem.gold_answer is not None:
        parts.append(f"<p>Right answer: <b>{_text(problem.gold_answer)}</b></p>")
    parts += [f"<p>{_text(note)}</p>" for note in (problem.note, problem.cut_note) if note]
    if ranking:
        choices = _choices(problem, there)
        names = [problem.solutions[index].name for index, _ in there]
        parts += [
            _ranking(number, problem, [*zip(order, ranking, strict=True)], show),
            _heat_map(problem, order, show),
            _courses(problem, order, show),
            _rules(choices, names),
            _answers(choices, names, show.method),
            *([_two_models(number, problem, show)] if show.other else []),
        ]
    cards = (_card(number, problem, index, scored[index], show) for index in (*order, *rest))
    return "\n".join([*parts, *cards, "</section>"])


def _choices(problem: Problem, there: Sequence[tuple[int, ScoredCandidate]]) -> Comparison:
    """Every rule's choice among the scored solutions."""
    pool, known = [], True
    for index, scored in there:
        one = problem.solutions[index]
        right = one.is_correct(problem.gold_answer)
        known &= right is not None
        size = sum(map(len, one.steps)), len(one.steps)
        pool.append(Choice(one.final_answer(), bool(right), *size, scored.probabilities))
    return compare_pool(pool, judged=known)


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    titles = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    lines = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:])
        for row in rows
    )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{caption}">'
        f"<table><caption>{caption}</caption><thead><tr>{titles}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


def _ranking(
    number: int, problem: Problem, ranking: Sequence[tuple[int, RankedCandidate]], show: _Show
) -> str:
    shown = format_apart([place.score for _, place in ranking], show.threshold)
    rows = []
    for (index, place), score in zip(ranking, shown, strict=True):
        one, error = problem.solutions[index], place.scored.first_error(show.threshold)
        rows.append(
            (
                f"{place.rank}{'=' if place.tied else ''}",
                f'<a href="#card-{number}-{index}">{_text(one.name)}</a>',
                score,
                _answer(one, problem.gold_answer),
                "–" if error is None else f"step {error + 1}",
                f"step {place.scored.weakest_step + 1}",
            )
        )
    head = ("rank", "solution", "score", "answer", "first error", "weakest step")
    return _table("Ranking", head, rows)


def _answer(one: Solution, gold_answer: str | None) -> str:
    answer, right = one.final_answer(), one.is_correct(gold_answer)
    mark = {True: " ✓", False: " ✗", None: ""}[right]
    return f"{'–' if answer is None else _tex(_short(answer, 60))}{mark}"


def _tex(answer: str) -> str:
    """An answer, which is a formula as a whole if it is LaTeX."""
    return _text(answer).replace("<bdi ", f"<bdi {_TEX} ") if "\\" in answer else _text(answer)


def _heat_map(problem: Problem, order: Sequence[int], show: _Show) -> str:
    """Solutions × steps, best solution first; steps below the threshold have a dot."""
    rows = [(index, problem.solutions[index].scores[show.model].probabilities) for index in order]
    width = 60 + 18 * max(len(p) for _, p in rows)
    cells = []
    for line, (index, values) in enumerate(rows):
        name = _short(problem.solutions[index].name, 6)
        cells.append(f'<text x="52" y="{line * 18 + 13}">{_escape(name)}</text>')
        for step, p in enumerate(values):
            x, y = 60 + 18 * step, 18 * line
            words = f"{_escape(name)}, step {step + 1}: {format_probability(p, show.threshold)}"
            dot = f'<circle cx="{x + 8}" cy="{y + 8}" r="2.5"/>' if p < show.threshold else ""
            cells.append(
                f'<g><title>{words}</title><rect class="{band(p)}" x="{x}" y="{y}" width="16" '
                f'height="16" rx="3"/>{dot}</g>'
            )
    label = "Probabilities of all steps, a row for each solution, the best one on top"
    height = 18 * len(rows)
    return (
        f'<figure><div class="wide" role="region" tabindex="0" aria-label="Heat map">'
        f'<svg class="map" role="img" aria-label="{label}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(cells)}</svg></div><figcaption>{label}; a dot: '
        f"below {show.threshold:g}</figcaption></figure>"
    )


_COURSE = (132, 44)
"""Width and height of a course, in pixels."""


def _courses(problem: Problem, order: Sequence[int], show: _Show) -> str:
    """The probabilities of every solution step by step, as small pictures, the best one first.

    An outcome model's one number has no course.
    """
    drawn = []
    for index in order:
        values = problem.solutions[index].scores[show.model].probabilities
        if len(values) > 1:
            drawn.append(_course(problem.solutions[index].name, values, show.threshold))
    if not drawn:
        return ""
    words = f"Step by step, from 0 to 1; dashed: {show.threshold:g}; a dot: the first step below it"
    return (
        f'<figure><div class="courses">{"".join(drawn)}</div><figcaption>{words}</figcaption>'
        "</figure>"
    )


def _course(name: str, values: Sequence[float], threshold: float) -> str:
    width, height = (side - 8 for side in _COURSE)
    across = [4 + width * i / (len(values) - 1) for i in range(len(values))]
    down = [4 + height * (1 - p) for p in values]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
    least = min(range(len(values)), key=values.__getitem__)
    words = f"{len(values)} steps, lowest {format_probability(values[least], threshold)} at step "
    words += str(least + 1)
    dot = ""
    error = next((i for i, p in enumerate(values) if p < threshold), None)
    if error is not None:
        words += f", first error at step {error + 1}"
        dot = f'<circle class="{band(values[error])}" cx="{across[error]:.1f}" '
        dot += f'cy="{down[error]:.1f}" r="3.5"/>'
    limit = 4 + height * (1 - threshold)
    return (
        f'<span class="course"><b>{_text(_short(name, 12))}</b>'
        f'<svg role="img" aria-label="{_escape(name)}: {words}" width="{_COURSE[0]}" '
        f'height="{_COURSE[1]}"><title>{words}</title>'
        f'<line x1="4" x2="{_COURSE[0] - 4}" y1="{limit:.1f}" y2="{limit:.1f}"/>'
        f'<polyline points="{points}"/>{dot}</svg></span>'
    )


def _rules(choices: Comparison, names: Sequence[str]) -> str:
    rows = []
    for pick in choices.picks:
        chosen = ", ".join(_text(names[place]) for place in pick.solutions) or "–"
        right = {None: "", 1.0: "✓", 0.0: "✗"}.get(pick.accuracy, f"{pick.accuracy or 0:.0%}")
        held = ""
        if pick.ahead_of is not None:
            held = _text(names[pick.ahead_of])
            if pick.step is not None:
                step = f"step {pick.step + 1}"
                held += f", {'first without' if pick.decides else 'held back most by'} its {step}"
        rows.append((_rule(pick.rule), chosen, right, held))
    return _table("What each rule chooses", ("rule", "chooses", "right", "next"), rows)


def _rule(name: str) -> str:
    if name.startswith("vote_"):
        return f"vote, weighted by {_escape(METHODS[name.removeprefix('vote_')].label.lower())}"
    names = {"majority": "majority vote", "fewest_steps": "fewest steps"}
    return _escape(METHODS[name].label if name in METHODS else names.get(name, name))


def _answers(choices: Comparison, names: Sequence[str], method: str) -> str:
    rows = [
        (
            "no answer" if group.answer is None else _tex(_short(group.answer, 60)),
            str(len(group.solutions)),
            f"{group.weights[method]:.2f}",
            {True: "✓", False: "✗", None: ""}[group.correct],
            ", ".join(_text(names[place]) for place in group.solutions),
        )
        for group in choices.groups
    ]
    weight = f"weight by {_escape(METHODS[method].label.lower())}"
    head = ("answer", "votes", weight, "right", "solutions")
    return _table("Answers", head, rows)


_MOST_STEPS = 20  # of those on which two models differ


def _two_models(number: int, problem: Problem, show: _Show) -> str:
    """How often both models agree, whom each ranks first, and where they differ most."""
    both = [show.models[name] for name in (show.model, show.other)]
    found = compare_models(
        problem.scored(show.model),
        problem.scored(show.other),
        (both[0].threshold, both[1].threshold),
    )
    names = [one.name for one in problem.solutions]
    models = show.name(show.model), show.name(show.other)
    words = f"{found.agreement_words()} {found.leader_words(show.method, names, models)}"
    if not found.steps:
        return f"<h3>Two models</h3><p>{_escape(words)}</p>"
    head = ("step", *map(_escape, models), "difference", "agree")
    caption = "Where the models differ most"
    table = _table(caption, head, _differences(number, found, names, [m.threshold for m in both]))
    return f"<h3>Two models</h3><p>{_escape(words)}</p>{table}"


def _differences(
    number: int, found: ModelComparison, names: Sequence[str], thresholds: Sequence[float]
) -> Iterator[Sequence[str]]:
    for pair in found.steps[:_MOST_STEPS]:
        values = zip((pair.first, pair.second), thresholds, strict=True)
        yield (
            f'<a href="#card-{number}-{pair.solution}">{_text(names[pair.solution])}</a>, '
            f"step {pair.step + 1}",
            *(format_probability(p, limit) + (" ✗" if p < limit else "") for p, limit in values),
            difference_words(pair),
            "no" if pair.apart else "yes",
        )


# --- a card ---------------------------------------------------------------------------------------


def _card(
    number: int, problem: Problem, index: int, scored: ScoredCandidate | None, show: _Show
) -> str:
    one = problem.solutions[index]
    said = [
        f"{_text(text)}"
        for text in (one.error, one.note, one.generator and f"by {one.generator}")
        if text
    ]
    if scored is None:
        said.insert(0, "not scored")
    elif (error := scored.first_error(show.threshold)) is not None:
        said.insert(0, f'<b class="bad">first error: step {error + 1}</b>')
    if one.error_type:
        said.append(f"kind of error: {_text(one.error_type)}")
    answer = _answer(one, problem.gold_answer)
    head = f"<h3><b>Solution {_text(one.name)}</b> <span>{answer}</span></h3>"
    lists = "".join(_lists(problem.problem, one, scored, show))
    body = lists or f'<p class="text">{_text(one.text)}</p>'
    notes = "".join(f"<p>{line}</p>" for line in said)
    wrote = "".join(
        f'<details><summary>What the verifier wrote</summary><p class="text">{_text(text)}</p>'
        "</details>"
        for text in (scored.rationales if scored else ())
    )
    return f'<article id="card-{number}-{index}">{head}{notes}{body}{wrote}</article>'


def _lists(
    problem: str, one: Solution, scored: ScoredCandidate | None, show: _Show
) -> Iterator[str]:
    """The steps that the model judged; and those of labels and of the other model, if others."""
    other = one.scored(problem, show.other) if show.other else None
    judged = _judged(scored) or one.steps
    own = judged == one.steps
    beside = other is not None and _judged(other) == judged
    if judged:
        thinking = _whole(scored).thinking if scored else one.thinking
        yield _steps(
            one if own else None, judged, thinking, scored, other if beside else None, show
        )
    if not own and (one.labels or any(one.step_notes)):
        yield "<h4>Labels, on other steps</h4>"
        yield _steps(one, one.steps, one.thinking, None, None, show)
    if other is not None and not beside:
        yield f"<h4>{_escape(show.name(show.other))}, on other steps</h4>"
        yield _steps(None, _judged(other), _whole(other).thinking, other, None, show)


def _whole(scored: ScoredCandidate) -> Candidate:
    return scored.candidate.whole_of or scored.candidate


def _judged(scored: ScoredCandidate | None) -> tuple[str, ...]:
    return _whole(scored).steps if scored else ()


def _steps(
    said: Solution | None,
    steps: Sequence[str],
    thinking: Sequence[bool],
    scored: ScoredCandidate | None,
    other: ScoredCandidate | None,
    show: _Show,
) -> str:
    """Steps with their bars and labels; runs of thinking are foldable, and folded if without an
    error.

    An outcome model's single number is below the last step.
    """
    values = list(scored.probabilities) if scored else []
    whole = len(values) == 1 < len(steps)
    others = list(other.probabilities) if other else []
    marks = thinking or (False,) * len(steps)
    parts = []
    for is_thought, run in groupby(range(len(steps)), key=lambda i: marks[i]):
        places = list(run)
        items = "".join(
            f'<li><div class="text">{_text(steps[i])}</div>'
            + _bars(_at(values, i, whole), _at(others, i, len(others) == 1 < len(steps)), show)
            + (_said(said, i) if said else "")
            + "</li>"
            for i in places
        )
        listed = f'<ol start="{places[0] + 1}">{items}</ol>'
        if is_thought:
            wrong = not whole and any(values[i] < show.threshold for i in places if i < len(values))
            state = " open" if wrong else ""
            count = f"{len(places)} step{'s' * (len(places) != 1)}"
            listed = f"<details{state}><summary>Thinking: {count}</summary>{listed}</details>"
        parts.append(listed)
    if whole:
        parts.append(f"<p>The whole solution: {_bar(values[0], show.threshold)}</p>")
    return "".join(parts)


def _at(values: Sequence[float], index: int, whole: bool) -> float | None:
    return None if whole or index >= len(values) else values[index]


def _bars(p: float | None, other: float | None, show: _Show) -> str:
    bars = "" if p is None else _bar(p, show.threshold)
    return bars + ("" if other is None else _bar(other, show.threshold, "other"))


def _said(one: Solution, index: int) -> str:
    """A step's label and note."""
    note = one.step_notes[index] if one.step_notes else ""
    label = _label(one.labels[index]) if one.labels else ""
    return (f'<p class="label">{label}</p>' if label else "") + (
        f'<p class="label">Note: {_text(note)}</p>' if note else ""
    )


def _label(label: Label) -> str:
    if label is None:
        return ""
    if isinstance(label, str):
        return "Label: neutral"
    words = {1.0: "right ✓", 0.0: "wrong ✗"}
    return f"Label: {words.get(label, f'{label:g}')}"


def _bar(p: float, threshold: float, kind: str = "") -> str:
    """A probability as a bar with its number; below the threshold the number is marked too."""
    below = " ✗" if p < threshold else ""
    shown = format_probability(p, threshold)
    return (
        f'<div class="bar {kind}"><span class="track"><i class="{band(p)}" '
        f'style="width:{100 * p:.1f}%"></i><u style="left:{100 * threshold:.1f}%"></u></span>'
        f'<b class="{band(p)}">{_escape(shown)}{below}</b></div>'
    )


# --- the page -------------------------------------------------------------------------------------


def _style() -> str:
    light, dark = (PALETTES["default"][theme] for theme in ("light", "dark"))
    return _STYLE.replace("@light", _variables(light)).replace("@dark", _variables(dark))


def _variables(palette: Palette) -> str:
    names = [one.name for one in fields(Palette)]
    return " ".join(f"--{name.replace('_', '-')}: {getattr(palette, name)};" for name in names)


_STYLE = """
:root { color-scheme: light dark; @light --page: #f7f6f3; }
@media (prefers-color-scheme: dark) { :root { @dark --page: #111319; } }
@media print { :root { color-scheme: light; @light --page: #fff; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  article li, tr, figure { break-inside: avoid; } h2, h3 { break-after: avoid; }
  section + section { break-before: page; } nav { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; } }
body { font: 15px/1.5 ui-sans-serif, system-ui, sans-serif; color: var(--ink);
  background: var(--page); margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
h3 { font-size: 1rem; margin: 0 0 .3rem; display: flex; justify-content: space-between; gap: 1rem; }
h3 span { font-weight: normal; }
h4 { font-size: .9rem; font-weight: 600; color: var(--mute); margin: .8rem 0 0; }
a { color: inherit; }
p { margin: .4rem 0; }
.problem, .text { white-space: pre-wrap; unicode-bidi: plaintext; }
.problem { font-size: 1.05rem; }
article, .wide, nav { background: var(--card); border: 1px solid var(--track);
  border-radius: .6rem; padding: .8rem 1rem; margin: 1rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption, figcaption { color: var(--mute); text-align: left; padding: .2rem 0; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--track); text-align: left; }
tbody th { font-weight: normal; }
th, td:not(:last-child) { overflow-wrap: normal; white-space: nowrap; }
td:last-child { min-width: 11rem; }
ol { padding-left: 1.8rem; margin: .3rem 0; }
li { margin: .45rem 0; }
summary { cursor: pointer; color: var(--mute); }
.bar { display: flex; align-items: center; gap: .6rem; }
.track { position: relative; flex: 1; height: .7rem; background: var(--track); border-radius: 4px; }
.bar.other .track { height: .4rem; } .bar.other b { font-weight: normal; }
.track i { display: block; height: 100%; border-radius: 4px; }
.track u { position: absolute; top: -2px; bottom: -2px; border-left: 2px dashed var(--faint); }
i.good { background: var(--good); } i.warn { background: var(--warn); }
i.bad { background: var(--bad); }
b.good { color: var(--good-ink); } b.warn { color: var(--warn-ink); }
b.bad { color: var(--bad-ink); }
.bar b { min-width: 5.5rem; font-variant-numeric: tabular-nums; }
.label { color: var(--mute); margin: .1rem 0; }
menclose[notation="box"] { border: 1px solid; padding: .1em .25em; }
nav math { display: inline math; }
figure { margin: 1rem 0; }
.map text { fill: var(--mute); font-size: 12px; text-anchor: end; }
.map circle { fill: var(--card); }
.courses { display: flex; flex-wrap: wrap; gap: .5rem; }
.course { display: grid; background: var(--card); border: 1px solid var(--track);
  border-radius: .6rem; padding: .3rem .5rem; }
.course b { font-size: 12px; font-weight: normal; color: var(--mute); }
.course polyline { fill: none; stroke: var(--mute); stroke-width: 1.5; }
.course line { stroke: var(--faint); stroke-dasharray: 4 3; }
.course .good { fill: var(--good); } .course .warn { fill: var(--warn); }
.course .bad { fill: var(--bad); }
.map .good { fill: var(--good); } .map .warn { fill: var(--warn); } .map .bad { fill: var(--bad); }
@media print { .wide { overflow: visible; } .map { max-width: 100%; height: auto; }
  th, td:not(:last-child) { overflow-wrap: anywhere; white-space: normal; }
  td:last-child { min-width: 0; } }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{about}
{contents}
{body}
</main>
<script type="application/json" id="{element}">{session}</script>
{scripts}</body>
</html>
"""
