"""Problems as people put them, with the ways in which people solve them.

A scene is a few words: what is drawn, how it is asked, and several ways to the answer. In a step,
`{a} + {b} = {s}` computes `s`; what computes without showing it says so in front, `[s=a+b]`, and
what it is mistaken for behind a bar: `[s=a+b | a-b]`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from prm_core.synthetic.equations import formula, formula_of, swaps_of
from prm_core.synthetic.solution import Env, Line, Plan, Swap, Value, render

_NAMES = re.findall(
    r"\w+",
    """Ann Ben Tom Mia Sara Omar Lena Jack Maria Sam John Amy Priya Wei Fatima Carlos Olga Ivan
    Chloe Hugo Aisha Ken Ruth Leo Nora Pablo Zoe""",
)
_THINGS = re.findall(
    r"\w+",
    """apples books pens cards shells coins cookies beads toys cups stamps buttons balloons candles
    plums roses bricks tickets photos spoons nails lemons""",
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A kind of problem.

    Attributes:
        kind: what is computed, as `LabelledSolution.kind`.
        draw: `a=2..9`, `p=10|20|25` or `n=a*b`, one after the other; whole numbers.
        asks: ways to put the problem; `{name}` and `{things}` are drawn as well.
        ways: ways to solve it, a step a line.
        ends: ways to state the answer `{r}`; none is stated now and then.
    """

    kind: str
    draw: str
    asks: tuple[str, ...]
    ways: tuple[str, ...]
    ends: tuple[str, ...] = ()


def plan_of(rng: random.Random, scene: Scene) -> Plan:
    """One problem of a scene."""
    env = drawn(rng, scene.draw)
    names = {"name": rng.choice(_NAMES), "things": rng.choice(_THINGS)}
    other = rng.choice([name for name in _NAMES if name != names["name"]])

    def told(text: str) -> str:
        return (
            text.replace("{name}", names["name"])
            .replace("{other}", other)
            .replace("{things}", names["things"])
        )

    lines = [line_of(told(step)) for step in rng.choice(scene.ways).strip().split("\n")]
    # Where a way ends in words of its own, nothing is left to be said.
    if scene.ends and lines[-1].result == "r" and rng.random() < 0.7:
        lines.append(line_of(told(rng.choice(scene.ends))))
    return Plan(render(told(rng.choice(scene.asks)), env), env, tuple(lines), scene.kind)


def drawn(rng: random.Random, draw: str) -> Env:
    """The numbers of a problem.

    >>> drawn(random.Random(0), "a=2..2 b=a*3")
    {'a': 2, 'b': 6}
    """
    env: Env = {}
    for one in draw.split():
        name, _, what = one.partition("=")
        if ".." in what:
            low, high = what.split("..")
            env[name] = rng.randint(int(low), int(high))
        elif "|" in what:
            env[name] = Fraction(rng.choice(what.split("|")))
        else:
            env[name] = formula(what)(env)
        value = Fraction(env[name])
        env[name] = value.numerator if value.denominator == 1 else value
    return env


_SAID = re.compile(r"\[(\w+)=([^|\]]+)((?:\|[^|\]]+)*)\]\s*")
_RESULT = re.compile(r"=\s*[$€]?\{(\w+)\}")


@lru_cache(maxsize=8192)
def line_of(step: str) -> Line:
    """A step of a scene as a line of a plan.

    >>> line_of("[s=a+b | a-b] Together that is {s}.").swaps[0].text
    'Together that is {s}.'
    """
    said = _SAID.match(step)
    text = step.strip() if said is None else step[said.end() :].strip()
    if said is not None:
        result, value = said[1], formula(said[2])
        swaps = [Swap("idea", text, formula(one)) for one in said[3].split("|") if one.strip()]
        return Line(text, result, value, _shown(text, result), (), tuple(swaps))
    before: list[tuple[str, Value]] = []
    results = [one for one in _RESULT.findall(text) if formula_of(text, one) is not None]
    for result in results:
        shown = formula_of(text, result)
        assert shown is not None
        before.append((result, formula(shown[1])))
    if not before:
        return Line(text, operands=_shown(text, ""))
    result, value = before.pop()
    swaps = list(swaps_of(text, result)) if not before else []
    return Line(text, result, value, _shown(text, *results), tuple(before), tuple(swaps))


def _shown(text: str, *results: str) -> tuple[str, ...]:
    """The names that a text shows, but for what it computes."""
    names = dict.fromkeys(re.findall(r"\{(\w+)\}", text))
    return tuple(name for name in names if name not in results)


def _scene(
    kind: str, draw: str, asks: Sequence[str], *ways: str, ends: Sequence[str] = ()
) -> Scene:
    trimmed = tuple("\n".join(line.strip() for line in way.strip().split("\n")) for way in ways)
    return Scene(kind, draw, tuple(asks), trimmed, tuple(ends))


_PLUS = ("{a} + {b}", "{a}+{b}=?", "{a} plus {b}?", "how much is {a} + {b}", "add {a} and {b}")
_MINUS = (
    "{a} - {b}",
    "{a}-{b}=",
    "{a} minus {b}?",
    "what is {a} take away {b}",
    "{b} less than {a}",
)
_TIMES = (
    "{a} × {b}",
    "{a}*{b}",
    "{a} times {b}?",
    "what do you get for {a} x {b}",
    "{a} · {b} = ?",
)
_OVER = ("{n} / {b}", "{n} ÷ {b} = ?", "{n} divided by {b}", "how often does {b} go into {n}")
_BARE = ("{r}", "so {r}", "= {r}", "Answer {r}", "it's {r}", "makes {r}", "{r} is the answer.")

SCENES: tuple[Scene, ...] = (
    # --- ways to compute --------------------------------------------------------------------------
    _scene(
        "add",
        "ta=10..90 ta=ta//10*10 ua=1..9 tb=10..90 tb=tb//10*10 ub=1..9 a=ta+ua b=tb+ub",
        _PLUS,
        "{ta} + {tb} = {t}\n{ua} + {ub} = {u}\n{t} + {u} = {r}",
        "Tens: {ta} + {tb} = {t}\nOnes: {ua} + {ub} = {u}\n[r=t+u | t] Both together {r}",
        "{a} + {tb} = {t}\n{t} + {ub} = {r}",
        "[t=a+tb | a-tb] {tb} more than {a} is {t}\n[r=t+ub | t-ub] and {ub} more is {r}",
        "Split {b} into {tb} and {ub}.\n{a} + {tb} = {t}, {t} + {ub} = {r}",
        ends=_BARE,
    ),
    _scene(
        "add",
        "a=12..98 q=2..9 m=q*10 d=1..3 b=m-d",
        _PLUS,
        "{a} + {m} = {t}\n{t} - {d} = {r}",
        "[t=a+m] with {m} instead of {b} it is {t}\n[r=t-d | t+d | t] {d} too many, so {r}",
        "{b} is {d} short of {m}\n{a} + {m} = {t}\n[r=t-d | t+d] take off {d}: {r}",
        ends=_BARE,
    ),
    _scene(
        "add",
        "h=1..9 h=h*100 ra=10..99 k=1..9 k=k*100 rb=10..99 a=h+ra b=k+rb",
        _PLUS,
        "{h} + {k} = {t}\n{ra} + {rb} = {u}\n{t} + {u} = {r}",
        "hundreds give {h} + {k} = {t}\nthe rest gives {ra} + {rb} = {u}\n[r=t+u] sum {r}",
        ends=_BARE,
    ),
    _scene(
        "sub",
        "b=11..79 x=1..9 m=b//10*10+10 x=m-b y=5..60 a=m+y",
        _MINUS,
        "{b} + {x} = {m}\n{m} + {y} = {a}\n{x} + {y} = {r}",
        "from {b} up to {m} are {x}\nfrom {m} up to {a} are {y}\n[r=x+y | y | y-x] altogether {r}",
        "{a} - {m} = {y}\n{y} + {x} = {r}",
        ends=_BARE,
    ),
    _scene(
        "sub",
        "a=40..99 tb=10..30 tb=tb//10*10 ub=1..9 b=tb+ub",
        _MINUS,
        "{a} - {tb} = {t}\n{t} - {ub} = {r}",
        "[t=a-tb | a+tb] without {tb}: {t}\n[r=t-ub | t+ub] without another {ub}: {r}",
        "{a} - {b} = {r}\nCheck: {r} + {b} = {c}",
        ends=_BARE,
    ),
    _scene(
        "mul",
        "ta=10..90 ta=ta//10*10 ua=1..9 b=3..9 a=ta+ua",
        _TIMES,
        "{ta} × {b} = {t}\n{ua} × {b} = {u}\n{t} + {u} = {r}",
        "{ta} × {b} = {t} and {ua} × {b} = {u}\n{t} + {u} = {r}",
        "[t=ta*b] the tens give {t}\n[u=ua*b] the ones give {u}\n[r=t+u | t] total {r}",
        ends=_BARE,
    ),
    _scene(
        "mul",
        "b=2..9 q=1..9 m=q*10 a=m-1",
        _TIMES,
        "{m} × {b} = {t}\n{t} - {b} = {r}",
        "[t=m*b] {m} times {b} would be {t}\n[r=t-b | t-1 | t+b] one {b} less: {r}",
        ends=_BARE,
    ),
    _scene(
        "mul",
        "q=2..24 a=q*2 f=5..50 b=f//5*5 c=b*2",
        _TIMES,
        "half of one, twice the other: {q} × {c}\n{q} × {c} = {r}",
        "{a} / 2 = {q}\n{b} × 2 = {c}\n{q} × {c} = {r}",
        "[r=q*c | a*c | q*b] same as {q} × {c}, that is {r}",
        ends=_BARE,
    ),
    _scene(
        "mul",
        "a=5..5 b=12..88",
        _TIMES,
        "{b} × 10 = {t}\n{t} / 2 = {r}",
        "[t=b*10] ten times {b} is {t}\n[r=t/2 | t-5 | t] five times is half of that: {r}",
        ends=_BARE,
    ),
    _scene(
        "mul",
        "a=3..5 b=3..25",
        (*_TIMES, "{a} groups of {b}", "{a} rows of {b}. All together?"),
        "{b} + {b} = {x}\n{x} + {b} = {y}\n[r=a*b | (a-1)*b | (a+1)*b] going on to {r}",
        "[r=a*b | a+b | (a-1)*b] {a} groups of {b} give {r}",
        ends=_BARE,
    ),
    _scene(
        "div",
        "r=3..25 b=2..9 n=r*b a=n",
        (*_OVER, "share {n} among {b}"),
        "{b} × {r} = {n}\n[r=n/b | n-b] so {r}",
        "{n} / {b} = {r}",
        "[r=n/b | n/b+1 | n/b-1] {b} fits {r} times into {n}",
        "[r=n/b | n*b] {n} in {b} equal shares: {r} each",
        ends=_BARE,
    ),
    _scene(
        "div",
        "q=11..60 n=q*4 a=n b=4..4",
        (*_OVER, "a quarter of {n}"),
        "{n} / 2 = {h}\n{h} / 2 = {r}",
        "[h=n/2] halve it: {h}\n[r=h/2 | h] halve that: {r}",
        ends=_BARE,
    ),
    _scene(
        "remainder",
        "b=3..9 q=3..12 m=q*b k=1..2 n=m+k",
        ("What is left when {n} is divided by {b}?", "{n} mod {b}", "{n} : {b} with remainder"),
        "{b} × {q} = {m}\n{n} - {m} = {r}",
        "[m=q*b] the nearest multiple of {b} is {m}\n[r=n-m | q | n-q] remainder {r}",
    ),
    _scene(
        "halves",
        "h=6..150 n=h*2",
        ("half of {n}", "What is half of {n}?", "{n} divided by two"),
        "[r=n/2 | n*2 | n-2] {r}",
        "{n} / 2 = {r}",
        "[r=n/2 | n/2-1] {r} and {r} make {n}, so {r}",
    ),
    _scene(
        "powers",
        "a=2..15",
        ("{a}^2", "{a} squared", "what's the square of {a}?", "{a}²"),
        "{a} × {a} = {r}",
        "[r=a*a | a*2 | a+2] {a} times itself is {r}",
        ends=_BARE,
    ),
    _scene(
        "powers",
        "a=2..6",
        ("{a}^3", "{a} cubed", "third power of {a}"),
        "{a} × {a} = {q}\n{q} × {a} = {r}",
        "[q=a*a | a*2] {a} squared is {q}\n[r=q*a | q+a | q*q] one more factor: {r}",
        ends=_BARE,
    ),
    # --- below zero -------------------------------------------------------------------------------
    _scene(
        "negative",
        "a=2..19 b=2..19 m=0-a",
        ("{m} + {b}", "what is {m} plus {b}", "{m}+{b}=?", "add {b} to {m}"),
        "{m} + {b} = {r}",
        "[r=b-a | a+b | a-b | 0-a-b] {r}",
        "go {b} up from {m}\n[r=b-a | a-b | 0-a-b] that ends at {r}",
        "{b} - {a} = {r}\n[r=b-a | a-b] so {r}",
        ends=_BARE,
    ),
    _scene(
        "negative",
        "a=2..19 d=1..15 b=a+d",
        ("{a} - {b}", "{a} minus {b} = ?", "take {b} away from {a}"),
        "{a} - {b} = {r}",
        "[r=a-b | b-a | a+b] {b} is more than {a}, so we fall below zero: {r}",
        "{b} - {a} = {d}\n[r=a-b | b-a] with the minus sign: {r}",
        ends=_BARE,
    ),
    _scene(
        "negative",
        "a=2..15 b=2..15 m=0-a",
        ("{m} - {b}", "what is {m} minus {b}?", "{m}-{b}"),
        "{m} - {b} = {r}",
        "[r=0-a-b | b-a | a-b | a+b] {b} further down from {m}: {r}",
        "[s=a+b | a-b] {a} and {b} are {s}\n[r=0-s | s] both count down, {r}",
        ends=_BARE,
    ),
    _scene(
        "negative",
        "a=2..12 b=2..12 m=0-a k=0-b",
        ("{m} × {b}", "{m} times {b}", "({m}) * {b}"),
        "{a} × {b} = {p}\n[r=0-a*b | a*b] one negative factor: {r}",
        "[r=0-a*b | a*b | b-a] {r}",
        ends=_BARE,
    ),
    _scene(
        "negative",
        "a=2..12 b=2..12 m=0-a k=0-b",
        ("({m}) × ({k})", "({m})*({k})", "{m} times {k}"),
        "{a} × {b} = {p}\n[r=a*b | 0-a*b] negative times negative is positive: {r}",
        "[r=a*b | 0-a*b | 0-a-b] {r}",
        ends=_BARE,
    ),
    _scene(
        "negative",
        "t=1..14 d=2..22",
        (
            "It is {t} °C and gets {d} degrees colder. New temperature?",
            "The thermometer shows {t} degrees. It falls by {d}. What does it show?",
            "In the evening there were {t} degrees, overnight {d} fewer. How cold was it?",
        ),
        "{t} - {d} = {r}",
        "[r=t-d | t+d | d-t] colder means less: {r} degrees",
        ends=("{r} degrees", "{r} °C", "It is {r} degrees now.", "It shows {r}."),
    ),
    # --- decimals, fractions, percent -------------------------------------------------------------
    _scene(
        "decimals",
        "x=11..99 y=11..99 a=x/10 b=y/10",
        _PLUS,
        "{x} + {y} = {s}\n[r=s/10 | s/100 | s] one place behind the point: {r}",
        "{a} + {b} = {r}",
        ends=_BARE,
    ),
    _scene(
        "decimals",
        "x=2..9 y=2..9 a=x/10 b=y/10",
        _TIMES,
        "{x} × {y} = {s}\n[r=s/100 | s/10] two places in all, so {r}",
        "{a} × {b} = {r}",
        ends=_BARE,
    ),
    _scene(
        "decimals",
        "x=2..40 a=x/4 b=3..9",
        (*_TIMES, "{b} pieces at {a} each"),
        "{a} × {b} = {r}",
        "[d=a*2] twice {a} is {d}\n[r=a*b | d*b] {b} times is {r}",
        ends=_BARE,
    ),
    _scene(
        "fractions",
        "d=2..9 u=2..12 k=1..8 n=d*u",
        ("{k}/{d} of {n}", "What is {k}/{d} of {n}?", "find {k} {d}ths of {n}"),
        "[u=n/d | n-d] 1/{d} of {n} is {u}\n[r=u*k | u] {k} of these are {r}",
        "{n} / {d} = {u}\n{u} × {k} = {r}",
        "{n} × {k} = {p}\n{p} / {d} = {r}",
        ends=_BARE,
    ),
    _scene(
        "fractions",
        "b=2..7 d=2..7 m=b*d",
        ("1/{b} + 1/{d}", "What is 1/{b} plus 1/{d}?", "add 1/{b} and 1/{d}"),
        "{b} × {d} = {m}\n1/{b} is {d}/{m}, 1/{d} is {b}/{m}\n{d} + {b} = {s}\n{s}/{m}",
        "1/{b} = {d}/{m} and 1/{d} = {b}/{m}\n[s=b+d | b*d | 2] together {s}/{m}",
    ),
    _scene(
        "fractions",
        "a=1..6 b=2..9 c=1..6 d=2..9",
        ("{a}/{b} × {c}/{d}", "{a}/{b} times {c}/{d}", "Multiply {a}/{b} by {c}/{d}."),
        "top: {a} × {c} = {x}\nbottom: {b} × {d} = {y}\n{x}/{y}",
        "[x=a*c | a+c] numerators give {x}\n[y=b*d | b+d] denominators give {y}\nso {x}/{y}",
    ),
    _scene(
        "fractions",
        "a=1..6 b=2..9 g=2..6 n=a*g m=b*g",
        ("Simplify {n}/{m}.", "reduce {n}/{m}", "write {n}/{m} in lower terms"),
        "both are divisible by {g}\n{n} / {g} = {a}, {m} / {g} = {b}\n{a}/{b}",
        "cancel {g}\n[x=n/g | n-g] {x} over {b}",
    ),
    _scene(
        "percent",
        "p=10|20|25|40|50|5|75|30 n=2..30 n=n*20",
        ("{p}% of {n}", "what's {p} percent of {n}", "how much is {p}% of {n}?"),
        "[t=n/10] 10% is {t}\n[r=n*p/100 | n*p/10 | n-p | t] {p}% is {r}",
        "[u=n/100] 1% is {u}\n{u} × {p} = {r}",
        "{n} × {p} = {q}\n{q} / 100 = {r}",
        "[r=n*p/100 | n/p | n*p/1000] {r}",
        ends=_BARE,
    ),
    _scene(
        "percent",
        "p=10|20|25|50|15|30|40 n=2..20 n=n*20",
        (
            "A coat costs ${n} and is reduced by {p}%. What does it cost now?",
            "{p}% off a ${n} watch. New price?",
            "The shop takes {p}% off a bike that was ${n}. How much is it?",
        ),
        "[d=n*p/100 | p | n/p] {p}% of {n} is {d}\n{n} - {d} = {r}",
        "[k=100-p] {k}% remain\n[r=n*k/100 | n*p/100] {k}% of {n} is {r}",
        "[d=n*p/100] the discount is ${d}\n[r=n-d | n+d | d] it costs ${r}",
        ends=("${r}", "{r} dollars", "The new price is ${r}.", "It costs {r} now."),
    ),
    _scene(
        "percent",
        "p=10|20|25|50|5 n=2..20 n=n*20",
        (
            "Rent of ${n} goes up by {p}%. New rent?",
            "A town of {n} people grows by {p} percent. How many live there then?",
            "{n} increased by {p}%",
        ),
        "[d=n*p/100 | p] {p}% of {n} is {d}\n{n} + {d} = {r}",
        "[r=n*(100+p)/100 | n*(100-p)/100 | n+p] {r}",
        ends=_BARE,
    ),
    _scene(
        "percent",
        "p=10|20|25|40|50|75 n=1..20 n=n*20 a=n*p/100",
        (
            "What percent of {n} is {a}?",
            "{a} out of {n} in percent",
            "{a} of {n} pupils are ill. What percentage?",
        ),
        "{a} / {n} = {q}\n[r=q*100 | q*10] {r}%",
        "[r=a*100/n | n*100/a | 100-a] {r} %",
    ),
    _scene(
        "percent",
        "p=10|20|25|50 n=1..15 n=n*20 d=n*p/100 m=n+d",
        (
            "From {n} to {m}: by how many percent did it grow?",
            "A fare rises from {n} to {m} cents. Rise in percent?",
        ),
        "{m} - {n} = {d}\n[r=d*100/n | d*100/m | d] {d} of {n} is {r}%",
        "[d=m-n] up by {d}\n{d} / {n} = {q}\n[r=q*100] which is {r} %",
    ),
    _scene(
        "percent",
        "p=10|20|25|40|60|70 n=1..20 n=n*20",
        (
            "{p}% of {n} seats are taken. How many are free?",
            "Of {n} eggs {p}% are brown, the rest white. How many white ones?",
            "{n} students, {p}% passed. How many failed?",
        ),
        "[d=n*p/100 | p] {p}% of {n} is {d}\n{n} - {d} = {r}",
        "[k=100-p] the others are {k}%\n[r=n*k/100 | n*p/100 | n-k] so {r}",
        ends=("{r} of them", "The answer is {r}.", "so {r}"),
    ),
    # --- order, brackets, unknowns ----------------------------------------------------------------
    _scene(
        "order",
        "c=2..6 q=2..6 b=c*q a=7..30",
        ("{a} - {b} / {c}", "{a} - {b} ÷ {c} = ?", "what is {a} minus {b} / {c}"),
        "{b} / {c} = {q}\n{a} - {q} = {r}",
        "the division first, {q}\n[r=a-q | (a-b)/c | a+q] then {r}",
        ends=_BARE,
    ),
    _scene(
        "order",
        "a=2..20 b=2..9 c=2..9 d=1..9",
        ("{a} + {b} × {c} - {d}", "{a}+{b}*{c}-{d}", "Work this out: {a} + {b} · {c} - {d}"),
        "{b} × {c} = {p}\n{a} + {p} = {s}\n{s} - {d} = {r}",
        "{b} × {c} = {p}\n[r=a+p-d | (a+b)*c-d | a+p+d] with the rest {r}",
        ends=_BARE,
    ),
    _scene(
        "order",
        "a=2..9 b=2..9 c=2..9",
        ("{c} × ({a} + {b})", "{c}({a}+{b})", "({a} + {b}) · {c}"),
        "{a} + {b} = {s}\n{c} × {s} = {r}",
        "[s=a+b | a*b] the bracket is {s}\n[r=c*s | c*a+b] times {c} is {r}",
        "{c} × {a} = {x}\n{c} × {b} = {y}\n{x} + {y} = {r}",
        ends=_BARE,
    ),
    _scene(
        "order",
        "d=1..9 c=1..9 e=0..20 a=c+d+e",
        ("{a} - {c} - {d}", "{a}-{c}-{d}=", "from {a} take {c}, then {d}"),
        "{a} - {c} = {s}\n{s} - {d} = {r}",
        "{c} + {d} = {s}\n{a} - {s} = {r}",
        "[r=a-c-d | a-c+d] {r}",
        ends=_BARE,
    ),
    _scene(
        "linear",
        "x=1..20 b=1..30 c=x+b",
        ("x + {b} = {c}", "solve x+{b}={c}", "What is x if x + {b} = {c}?"),
        "{c} - {b} = {r}\nx = {r}",
        "[r=c-b | c+b | b-c] x = {r}",
        "x is {b} less than {c}\n[r=c-b | c+b] so x = {r}",
    ),
    _scene(
        "linear",
        "a=2..9 x=2..12 c=a*x",
        ("{a}x = {c}", "Find x: {a}x = {c}", "{a} times a number is {c}. Which number?"),
        "{c} / {a} = {r}\nx = {r}",
        "[r=c/a | c-a | c*a] x = {r}",
        "divide by {a}\n[r=c/a | c-a] {r}",
    ),
    _scene(
        "linear",
        "a=2..9 x=2..12 b=1..20 c=a*x-b s=c+b",
        ("{a}x - {b} = {c}", "solve for x: {a}x - {b} = {c}", "{a}x-{b}={c}, x=?"),
        "{a}x = {c} + {b}\n[s=c+b | c-b] {a}x = {s}\n[r=s/a | s-a] x = {r}",
        "[s=c+b | c-b] {a}x = {s}\n{s} / {a} = {r}\nx = {r}",
        "plus {b} on both sides\n[s=c+b | c-b] {a}x = {s}\n[r=s/a] x is {r}",
    ),
    _scene(
        "linear",
        "a=2..9 b=1..9 y=1..9 c=a*y r=y+b",
        ("{a}(x - {b}) = {c}", "Solve {a}(x-{b})={c}.", "{a} * (x - {b}) = {c}"),
        "[y=c/a | c-a] x - {b} = {y}\n[r=y+b | y-b] x = {r}",
        "[q=a*b | b] {a}x - {q} = {c}\n[s=c+q | c-q] {a}x = {s}\n[r=s/a | s-a] x = {r}",
    ),
    _scene(
        "linear",
        "a=2..9 x=1..9 b=1..20",
        (
            "y = {a}x + {b}. Find y for x = {x}.",
            "What is {a}x + {b} when x is {x}?",
            "f(x) = {a}x + {b}; f({x})?",
        ),
        "{a} × {x} = {p}\n{p} + {b} = {r}",
        "[r=a*x+b | a+x+b | a*x-b | a*x] y = {r}",
        ends=_BARE,
    ),
    _scene(
        "linear",
        "x=3..20 b=2..15 k=2..4 d=x*k c=d+b",
        (
            "A number times {k}, plus {b}, makes {c}. What is it?",
            "{name} multiplies a number by {k} and adds {b}. The result is {c}. Find the number.",
        ),
        "{c} - {b} = {d}\n{d} / {k} = {r}",
        "[d=c-b | c+b] before the {b} it was {d}\n[r=d/k | d*k] the number is {r}",
        ends=_BARE,
    ),
    # --- time, money, measures --------------------------------------------------------------------
    _scene(
        "time",
        "h=1..5 m=5..55 m=m//5*5",
        (
            "{h} h {m} min in minutes",
            "How many minutes are {h} hours and {m} minutes?",
            "{h} hours {m} minutes = ? min",
        ),
        "{h} × 60 = {t}\n{t} + {m} = {r}",
        "[t=h*60 | h*100] {h} hours are {t} minutes\n[r=t+m] {r} minutes",
        ends=("{r} minutes", "{r} min", "so {r}"),
    ),
    _scene(
        "time",
        "w=2..9",
        (
            "How many days are {w} weeks?",
            "{w} weeks in days",
            "a holiday of {w} weeks. how many days?",
        ),
        "{w} × 7 = {r}",
        "[r=w*7 | w*5 | w+7] {r} days",
        ends=("{r} days", "so {r}"),
    ),
    _scene(
        "time",
        "w=2..15 d=w*7",
        ("{d} days are how many weeks?", "{d} days in weeks"),
        "{d} / 7 = {r}",
        "a week has 7 days\n[r=d/7 | d*7 | d/5] {r} weeks",
        ends=("{r} weeks", "so {r}"),
    ),
    _scene(
        "time",
        "h=7..20 m=5..50 m=m//5*5 d=10..55 d=d//5*5 x=60-m",
        (
            "It is {h}:{m}. How many minutes until the next full hour?",
            "the bell rings at the full hour. now it's {h}:{m}. minutes left?",
        ),
        "60 - {m} = {r}",
        "[r=60-m | 100-m | m] {r} minutes are missing",
        ends=("{r} minutes", "{r} min"),
    ),
    _scene(
        "time",
        "h=7..11 k=2..8 e=h+k",
        (
            "{name} works from {h} to {e} o'clock. How many hours is that?",
            "The shop is open from {h}:00 to {e}:00. How long?",
        ),
        "{e} - {h} = {r}",
        "[r=e-h | e-h+1 | e+h] {r} hours",
        "[r=e-h | e+h] counting up from {h}, {r} hours",
        ends=("{r} h", "{r} hours"),
    ),
    _scene(
        "money",
        "b=3..19 c=5..95 c=c//5*5 x=100-c d=b+1 n=20..20 y=n-d p=b+c/100",
        (
            "You pay ${p} with a ${n} note. How much do you get back?",
            "Something costs {p} dollars. Change from {n}?",
        ),
        "from {p} to {d} is {x} cents\n{n} - {d} = {y}\n[r=n-p | y | n-p+1] back: ${r}",
        "{n} - {p} = {r}",
        ends=("${r}", "{r} dollars back", "The change is ${r}."),
    ),
    _scene(
        "money",
        "n=2..9 q=1..20 p=q/4 t=n*p",
        (
            "{n} {things} cost ${t}. What does one cost?",
            "${t} for {n} {things}. Price of one?",
        ),
        "{t} / {n} = {r}",
        "[r=t/n | t*n | t-n] one is ${r}",
        ends=("${r}", "One costs {r} dollars.", "{r} each"),
    ),
    _scene(
        "money",
        "k=2..6 q=1..8 n=2..9 t=k*q m=k*n",
        (
            "{k} {things} cost ${t}. How much are {m}?",
            "if {k} {things} are {t} dollars, what do {m} {things} cost",
        ),
        "{t} / {k} = {q}\n{m} × {q} = {r}",
        "[q=t/k | t] one costs {q}\n[r=m*q] {m} cost {r}",
        "{m} / {k} = {n}\n{n} × {t} = {r}",
        "[n=m/k | m-k] that's {n} times as many\n[r=n*t | n+t] ${r}",
        ends=("${r}", "They cost ${r}.", "{r} dollars"),
    ),
    _scene(
        "money",
        "a=2..6 b=2..9 c=1..9 s=a*b t=s+c e=1..20 n=t+e",
        (
            "{name} buys {a} {things} at ${b} each and a bag for ${c}. Change from ${n}?",
            "{a} {things} at {b} dollars, a bag at {c}. {name} hands over {n}. What comes back?",
        ),
        "{a} × {b} = {s}\n{s} + {c} = {t}\n{n} - {t} = {r}",
        "[s=a*b | a+b] the {things} are ${s}\n[t=s+c | s] all is ${t}\n[r=n-t | n-s] change ${r}",
        "{a} × {b} = {s}\n{n} - {s} = {u}\n{u} - {c} = {r}",
        ends=("${r}", "{name} gets ${r} back.", "{r} dollars"),
    ),
    _scene(
        "units",
        "k=2..90 a=k/2",
        ("{a} km in m", "Convert {a} kilometres to metres.", "how many metres are {a} km"),
        "{a} × 1000 = {r}",
        "1 km is 1000 m\n[r=a*1000 | a*100 | a/1000] {r} m",
        ends=("{r} m", "{r} metres", "so {r}"),
    ),
    _scene(
        "units",
        "k=10..900 k=k//5*5",
        ("{k} cm in m", "Write {k} cm in metres.", "how many metres is {k} centimetres?"),
        "{k} / 100 = {r}",
        "[r=k/100 | k/10 | k*100 | k/1000] {r} m",
        ends=("{r} m", "{r} metres"),
    ),
    _scene(
        "units",
        "k=1..20 g=250|500|125|750 n=k*g",
        ("{k} packs of {g} g. Weight in kg?", "How many kilograms are {k} × {g} g?"),
        "{k} × {g} = {n}\n[r=n/1000 | n/100 | n] {n} g are {r} kg",
        ends=("{r} kg",),
    ),
    _scene(
        "units",
        "m=2..9 c=10..90 c=c//5*5 t=m*100",
        (
            "From {m} m of ribbon {c} cm are cut off. How much remains?",
            "A board is {m} metres long. {name} saws off {c} cm. Length now in cm?",
        ),
        "{m} × 100 = {t}\n{t} - {c} = {r}",
        "[t=m*100 | m*10 | m*1000] {m} m = {t} cm\n[r=t-c | t+c] {r} cm remain",
        ends=("{r} cm",),
    ),
    _scene(
        "units",
        "d=2..12",
        ("How many are {d} dozen?", "{d} dozen {things}. How many {things}?"),
        "{d} × 12 = {r}",
        "[r=d*12 | d*10 | d+12] {r} {things}",
        ends=("{r}",),
    ),
    # --- shapes, means, shares --------------------------------------------------------------------
    _scene(
        "shapes",
        "a=2..30 b=2..30",
        (
            "Perimeter of a rectangle of {a} cm by {b} cm?",
            "A garden is {a} m long and {b} m wide. How long is the fence around it?",
            "rectangle, sides {a} and {b}, perimeter",
        ),
        "{a} + {b} = {s}\n2 × {s} = {r}",
        "[r=2*a+2*b | a*b | a+b] all four sides: {r}",
        "2 × {a} = {x}, 2 × {b} = {y}\n{x} + {y} = {r}",
        ends=_BARE,
    ),
    _scene(
        "shapes",
        "a=2..25 b=2..15",
        (
            "Area of a rectangle {a} by {b}?",
            "A room is {a} m by {b} m. How large is the floor?",
            "rectangle {a} x {b}, area",
        ),
        "{a} × {b} = {r}",
        "[r=a*b | a+b | 2*a+2*b] length times width, {r}",
        ends=_BARE,
    ),
    _scene(
        "shapes",
        "q=2..25 p=q*4",
        (
            "A square has perimeter {p}. Its side?",
            "The four equal sides of a square are {p} cm in all. Area?",
        ),
        "{p} / 4 = {q}\n{q} × {q} = {r}",
        "[q=p/4 | p/2 | p] one side is {q}\n[r=q*q | q*4] the area is {r}",
    ),
    _scene(
        "shapes",
        "a=2..12 b=2..10 c=2..8",
        (
            "Volume of a box {a} by {b} by {c}?",
            "a box is {a} cm long, {b} cm wide and {c} cm high. volume?",
        ),
        "{a} × {b} = {s}\n{s} × {c} = {r}",
        "{a} × {b} × {c} = {r}",
        "[s=a*b | a+b] the base is {s}\n[r=s*c | s+c | s] {r} in all",
        ends=_BARE,
    ),
    _scene(
        "shapes",
        "a=20..80 b=20..80",
        (
            "Two angles of a triangle are {a} and {b} degrees. The third?",
            "triangle with {a}° and {b}°, last angle",
        ),
        "{a} + {b} = {s}\n180 - {s} = {r}",
        "[s=a+b] two of them make {s}\n[r=180-s | 360-s | 90-s] so {r} degrees are left",
        ends=("{r}°", "{r} degrees"),
    ),
    _scene(
        "mean",
        "m=3..20 x=1..2 a=m-x b=m+x c=m",
        (
            "Average of {a}, {b} and {c}?",
            "mean of {a}, {b}, {c}",
            "{a}, {b}, {c}: what is the average",
        ),
        "{a} + {b} + {c} = {s}\n{s} / 3 = {r}",
        "[s=a+b+c | a+b] the sum is {s}\n[r=s/3 | s/2 | s] divided by how many there are: {r}",
        ends=_BARE,
    ),
    _scene(
        "mean",
        "m=5..30 x=1..4 a=m-x b=m+x",
        ("Mean of {a} and {b}?", "What number is halfway between {a} and {b}?"),
        "{a} + {b} = {s}\n{s} / 2 = {r}",
        "[r=(a+b)/2 | b-a | a+b] {r}",
        ends=_BARE,
    ),
    _scene(
        "shares",
        "a=1..5 b=1..5 u=2..12 s=a+b n=s*u",
        (
            "Divide {n} in the ratio {a}:{b}. The first part?",
            "{name} and {other} share ${n} as {a} to {b}. How much does {name} get?",
            "Juice and water are mixed {a}:{b} to make {n} litres. How much juice?",
        ),
        "{a} + {b} = {s}\n{n} / {s} = {u}\n{u} × {a} = {r}",
        "[s=a+b] {s} parts\n[u=n/s | n/b] one part is {u}\n[r=u*a | u*b | u] {a} parts are {r}",
        ends=_BARE,
    ),
    _scene(
        "rates",
        "v=2..12 v=v*10 t=2..9",
        (
            "A car drives at {v} km/h for {t} hours. How far?",
            "{v} km an hour, {t} hours. distance?",
            "A machine makes {v} {things} an hour. How many in {t} hours?",
        ),
        "{v} × {t} = {r}",
        "[r=v*t | v+t | v/t] {t} times {v} is {r}",
        ends=("{r} km", "so {r}", "It's {r}."),
    ),
    _scene(
        "rates",
        "v=2..12 v=v*5 t=2..9 d=v*t",
        (
            "{d} km in {t} hours. Average speed?",
            "{name} walks {d} metres in {t} minutes. How many metres a minute?",
        ),
        "{d} / {t} = {r}",
        "[r=d/t | d*t | t/d | d-t] {r} in one",
        ends=("{r}", "The speed is {r}."),
    ),
    _scene(
        "rates",
        "k=2..9 c=2..9 n=2..12 t=n*k",
        (
            "A pump moves {c} litres every {k} minutes. How much in {t} minutes?",
            "{name} reads {c} pages in {k} minutes. How many pages in {t} minutes?",
        ),
        "{t} / {k} = {n}\n{n} × {c} = {r}",
        "[n=t/k | t-k] {k} minutes fit {n} times\n[r=n*c | n] so {r}",
        ends=_BARE,
    ),
    _scene(
        "rates",
        "w=2..6 d=2..12 v=2..6 t=w*d",
        (
            "{w} people do a job in {d} days. How long does one person need?",
            "{w} taps fill a pool in {d} hours. How many hours does one tap take?",
        ),
        "{w} × {d} = {r}",
        "[r=w*d | d/w | w+d] alone it takes {w} times as long: {r}",
        ends=_BARE,
    ),
    # --- stories ----------------------------------------------------------------------------------
    _scene(
        "word",
        "a=11..60 b=2..10",
        (
            "{name} had {a} {things} and lost {b}. How many now?",
            "Of {a} {things} {name} used up {b}. how many remain?",
            "{a} {things} are on the table. {name} takes {b}. What is left?",
        ),
        "{a} - {b} = {r}",
        "[r=a-b | a+b | a-b-1] {r} left",
        "{name} has {b} fewer\n[r=a-b | a+b] {r} {things}",
        ends=("{r} left", "{r} {things}", "{name} has {r} {things} now.", "so {r} remain"),
    ),
    _scene(
        "word",
        "a=3..60 b=2..40",
        (
            "{name} has {a} {things}, {other} has {b}. How many together?",
            "{a} {things} in one box and {b} in the other. All in all?",
            "{name} found {a} {things} on Monday and {b} on Tuesday. Total?",
        ),
        "{a} + {b} = {r}",
        "[r=a+b | a-b | a*b] together {r}",
        ends=("{r} {things}", "They have {r} together.", "{r} in all"),
    ),
    _scene(
        "word",
        "a=5..60 b=2..15",
        (
            "{name} is {a} years old. {other} is {b} years older. How old is {other}?",
            "{name} has {a} {things}, that is {b} less than {other}. How many has {other}?",
            "{name} picked {a} plums. {other} picked {b} more than {name}. {other}'s plums?",
        ),
        "{a} + {b} = {r}",
        "[r=a+b | a-b | b] {other} has more, so {r}",
        ends=("{r}", "It is {r}.", "{other}: {r}"),
    ),
    _scene(
        "word",
        "b=2..15 x=3..40 a=x+b",
        (
            "{name} is {a}. {other} is {b} years younger. {other}'s age?",
            "{name} has {a} {things}, {b} more than {other}. How many does {other} have?",
        ),
        "{a} - {b} = {r}",
        "[r=a-b | a+b] {other} has less, {r}",
        ends=("{r}", "{other} has {r}.", "{other}: {r}"),
    ),
    _scene(
        "word",
        "a=2..30 k=2..5",
        (
            "{name} has {a} {things}. {other} has {k} times as many. How many does {other} have?",
            "{other} ran {k} times as far as {name}, who ran {a} km. {other}'s distance?",
        ),
        "{a} × {k} = {r}",
        "[r=a*k | a+k | a/k] {r} for {other}",
        ends=("{r}", "{other} has {r}."),
    ),
    _scene(
        "word",
        "r=2..30 k=2..5 a=r*k",
        (
            "{name} has {a} {things}, {k} times as many as {other}. How many has {other}?",
            "{name} is {k} times as old as {other}. {name} is {a}. How old is {other}?",
        ),
        "{a} / {k} = {r}",
        "[r=a/k | a*k | a-k] {other}: {r}",
        ends=("{r}", "It's {r}."),
    ),
    _scene(
        "word",
        "a=3..20 k=2..4 b=a*k s=a+b",
        (
            "{name} has {a} {things}, {other} {k} times as many. How many together?",
            "{name} saved ${a}. {other} saved {k} times that. Both together?",
        ),
        "{a} × {k} = {b}\n{a} + {b} = {r}",
        "[b=a*k | a+k] {other} has {b}\n[r=a+b | b] together {r}",
        ends=("{r} together", "{r}", "They have {r}."),
    ),
    _scene(
        "word",
        "h=3..30 a=h*2 b=1..12",
        (
            "{name} has {a} {things}. {other} has half as many and {b} more. How many has {other}?",
            "Half of {name}'s {a} {things}, and {b} on top. How many?",
        ),
        "{a} / 2 = {h}\n{h} + {b} = {r}",
        "[h=a/2 | a*2 | a] half is {h}\n[r=h+b | h-b] with {b} on top {r}",
        ends=_BARE,
    ),
    _scene(
        "word",
        "k=2..9 m=3..12 c=1..9 s=k*m",
        (
            "{k} bags hold {m} {things} each, and {c} lie beside them. How many {things}?",
            "{name} has {k} boxes of {m} {things} and {c} single ones. In total?",
        ),
        "{k} × {m} = {s}\n{s} + {c} = {r}",
        "[s=k*m | k+m] in the bags {s}\n[r=s+c | s-c | s] in all {r}",
        ends=("{r} {things}", "{r} in all", "so {r}"),
    ),
    _scene(
        "word",
        "k=2..9 m=3..12 s=k*m c=1..5 n=s-c",
        (
            "{k} rows of {m} chairs. {c} chairs are broken. How many can be used?",
            "{name} bakes {k} trays of {m} buns and burns {c}. How many are good?",
        ),
        "{k} × {m} = {s}\n{s} - {c} = {r}",
        "[s=k*m | k+m] there are {s}\n[r=s-c | s+c | s] good ones: {r}",
        ends=("{r}", "so {r} are good"),
    ),
    _scene(
        "word",
        "m=3..9 q=2..12 n=m*q k=1..2 t=n+k",
        (
            "{t} people, {m} fit in a boat. How many boats are needed?",
            "{name} packs {t} {things}, {m} to a box. How many boxes does {name} need?",
        ),
        "{m} × {q} = {n}\nthat leaves {k} over\n[r=q+1 | q] so {r}",
        "[r=q+1 | q | k] {q} are full and one more for the last {k}, {r}",
        ends=("{r}", "{r} are needed"),
    ),
    _scene(
        "word",
        "a=2..9 b=2..9 c=2..5 s=a+b",
        (
            "{name} reads {a} pages every morning and {b} every evening. Pages in {c} days?",
            "Every day {a} red and {b} blue {things} are made. How many in {c} days?",
        ),
        "{a} + {b} = {s}\n{s} × {c} = {r}",
        "[s=a+b | a*b] {s} a day\n[r=s*c | s+c | s] in {c} days {r}",
        "{a} × {c} = {x}\n{b} × {c} = {y}\n{x} + {y} = {r}",
        ends=("{r}", "{r} in all"),
    ),
    _scene(
        "word",
        "n=20..90 a=2..9 b=2..9 s=a+b",
        (
            "{name} has ${n}, spends ${a} on lunch and ${b} on a ticket. What is left?",
            "A bus with {n} people stops twice: {a} get off, then {b}. How many still ride?",
        ),
        "{n} - {a} = {x}\n{x} - {b} = {r}",
        "{a} + {b} = {s}\n{n} - {s} = {r}",
        "[s=a+b | a] {s} are gone\n[r=n-s | n+s] {r} left",
        ends=("{r} left", "{r}", "so {r}"),
    ),
    _scene(
        "word",
        "k=2..9 g=2..9 s=k*g",
        (
            "{k} stools with {g} legs each. How many legs?",
            "{k} cars with {g} wheels each",
        ),
        "{k} × {g} = {r}",
        "[r=k*g | k+g | (k-1)*g] {r}",
        ends=("{r}",),
    ),
    _scene(
        "count",
        "g=2..12 d=2..9 n=g*d",
        (
            "Trees stand every {d} m along a road of {n} m, also at both ends. How many trees?",
            "A wall of {n} m gets a lamp every {d} m, with one at each end. How many lamps?",
        ),
        "{n} / {d} = {g}\n{g} + 1 = {r}",
        "[g=n/d] {g} gaps\n[r=g+1 | g | g-1] one more than gaps, {r}",
        ends=("{r}",),
    ),
    _scene(
        "count",
        "a=3..40 k=4..30 b=a+k",
        (
            "How many whole numbers are there from {a} to {b}?",
            "Tickets number {a} to {b} are sold. How many is that?",
        ),
        "{b} - {a} = {d}\n{d} + 1 = {r}",
        "[r=b-a+1 | b-a | b-a-1] both ends count, {r}",
        ends=("{r}",),
    ),
    _scene(
        "count",
        "n=4..12 m=n-1 p=n*m",
        (
            "{n} teams, each plays each other once. How many games?",
            "{n} friends all exchange one hug with each other. Hugs?",
        ),
        "{n} × {m} = {p}\n{p} / 2 = {r}",
        "[m=n-1 | n] each has {m} others\n[p=n*m] {n} × {m} is {p}\n[r=p/2 | p | p*2] pairs: {r}",
        ends=("{r}",),
    ),
    _scene(
        "compare",
        "a=2..9 b=2..9 s=a*b d=1..5 n=s+d",
        (
            "{name} needs ${n} and saves ${a} a week for {b} weeks. How much is missing?",
            "{a} packs of {b} {things}, but {n} are wanted. How many too few?",
        ),
        "{a} × {b} = {s}\n{n} - {s} = {r}",
        "[s=a*b | a+b] there are {s}\n[r=n-s | n+s | s] short by {r}",
        ends=("{r}", "{r} are missing"),
    ),
)


def scene_problem(rng: random.Random) -> Plan:
    """A problem of one of `SCENES`."""
    return plan_of(rng, rng.choice(SCENES))
