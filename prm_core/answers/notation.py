r"""The ways in which people and models write one piece of mathematics → one.

LaTeX, Unicode and plain text meet here: `√3`, `sqrt(3)` and `\sqrt{3}`, `x²`, `x**2` and `x^{2}`,
`4*pi*r` and `4\pi r`. What is left is a list of tokens, which `expressions`, `units` and `equality`
read. Nothing is judged here, and no text is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prm_core.text.number_words import SCALES, TENS, UNITS


class Token(NamedTuple):
    r"""The smallest thing that is read.

    Attributes:
        text: `12.5`, `x`, `\frac`, `{`; a word in lower case.
        kind: "number", "letter", "word" (also what was in `\text{…}`), "command" or "sign".
        spaced: white space came before it.
        upright: it was in `\text{…}` or the like.
    """

    text: str
    kind: str
    spaced: bool = False
    upright: bool = False


# --- one spelling ---------------------------------------------------------------------------------

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵏˣ"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙᵢₖₓ"
_ON_LINE = str.maketrans(_SUPERSCRIPTS + _SUBSCRIPTS, 2 * "0123456789+-()nikx")
_RAISED = re.compile(f"[{_SUPERSCRIPTS}]+")
_LOWERED = re.compile(f"[{_SUBSCRIPTS}]+")
_SIGNS = {
    "−": "-", "–": "-", "—": " - ", "‐": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*",
    "÷": "/", "⁄": "/", "∕": "/", "∞": r"\infty ", "≤": r"\le ", "⩽": r"\le ", "≥": r"\ge ",
    "⩾": r"\ge ",
    "≠": r"\ne ", "≈": r"\approx ", "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ",
    "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ", "⌀": r"\emptyset ", "√": r"\sqrt ",
    "∛": r"\sqrt[3] ", "∜": r"\sqrt[4] ", "°": r'"degree"', "′": "'", "″": "''", "’": "'",
    "⟨": r"\langle ", "⟩": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ",
    "⌉": r"\rceil ", "…": r"\dots ", "€": r'"euro"', "£": r'"gbp"', "₹": r'"rupee"', "¥": r'"yen"',
    "₽": '"ruble"', "₩": '"won"', "∆": r"\Delta ", "‖": r"\|", "ℓ": r"\ell ", "∘": r"\circ ",
    "“": "", "”": "", "∑": r"\sum ", "∫": r"\int ", "∏": r"\prod ", "→": r"\to ", "％": "%",
    "，": ", ", "；": "; ", "：": ":", "（": "(", "）": ")", "、": ", ", "¢": '"cent"',
    "∖": r"\setminus ", "∉": r"\notin ", "⊂": r"\subset ", "⊆": r"\subseteq ", "∀": r"\forall ",
    "∃": r"\exists ", "∂": r"\partial ", "∠": r"\angle ", "△": r"\triangle ", "∣": "|",
    "⊥": r"\perp ", "⟂": r"\perp ", "∥": r"\parallel ", "⇒": r"\Rightarrow ", "∴": " ",
    "⟹": r"\Rightarrow ", "⇔": r"\Leftrightarrow ", "⟺": r"\Leftrightarrow ", "∧": " and ",
    "∨": " or ", "¬": r"\neg ", "≅": r"\cong ", "∼": r"\sim ", "≡": r"\equiv ", "∝": r"\propto ",
}  # fmt: skip
_SIGN = re.compile("|".join(map(re.escape, _SIGNS)))

_UPRIGHT = (
    r"text|textrm|textnormal|textbf|textit|textsf|texttt|mathrm|mathsf|mbox|hbox|operatorname"
)
_COMMANDS = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac"), r"\frac "),
    **dict.fromkeys(("dbinom", "tbinom"), r"\binom "),
    **dict.fromkeys(("times", "cdot", "ast"), "*"),
    "div": "/",
    **dict.fromkeys(("leq", "leqslant", "leqq"), r"\le "),
    **dict.fromkeys(("geq", "geqslant", "geqq"), r"\ge "),
    **dict.fromkeys(("neq",), r"\ne "),
    **dict.fromkeys(("lt",), "<"),
    **dict.fromkeys(("gt",), ">"),
    **dict.fromkeys(("varnothing", "oslash"), r"\emptyset "),
    **dict.fromkeys(("ldots", "cdots", "dotsc", "dotsb"), r"\dots "),
    **dict.fromkeys(("lvert", "rvert", "vert", "mid"), "|"),
    **dict.fromkeys(("lbrace",), r"\{"),
    **dict.fromkeys(("rbrace",), r"\}"),
    **dict.fromkeys(("lbrack",), "["),
    **dict.fromkeys(("rbrack",), "]"),
    **dict.fromkeys(("quad", "qquad", "enspace", "space", "displaystyle", "limits"), " "),
    **dict.fromkeys(("mathbf", "boldsymbol", "bm", "mathit", "mathbb", "mathcal"), " "),
    "varphi": r"\phi ",
    "varepsilon": r"\epsilon ",
    "vartheta": r"\theta ",
    "degree": '"degree"',
    "prime": "'",
    **dict.fromkeys(("pmatrix", "bmatrix", "matrix"), r"\matrix"),
    "implies": r"\Rightarrow ",
    "iff": r"\Leftrightarrow ",
    "cr": r"\\",
    "land": " and ",
    "wedge": " and ",
    "lor": " or ",
    "vee": " or ",
    "euro": '"euro"',
    "pounds": '"gbp"',
    **{name: f'"{name}"' for name in ("min", "max", "gcd", "lcm", "det", "dim")},
}
_LATEX = re.compile(
    rf"""\\\\ | \\[{{}}] | (?P<space>\\[,;:! ~]|~)
      | \\(?:{_UPRIGHT})\s*\{{(?P<upright>[^{{}}]*)\}}
      | \^\s*(?:\\circ\b|\{{\s*\\circ\s*\}})(?P<circle>)
      | \\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])(?:\s*\.(?!\d))?(?P<size>)
      | \^\s*\{{(?P<primes>(?:\s*\\prime)+)\s*\}} | \^\s*\\prime(?![A-Za-z])(?P<prime>)
      | \\begin\s*\{{array\}}\s*\{{[^{{}}]*\}}(?P<array>)
      | \\begin\s*\{{(?P<begin>[A-Za-z]+)\*?\}} | \\end\s*\{{[A-Za-z]+\*?\}}(?P<end>)
      | \\(?P<percent>%) | \\?\$(?P<money>) | \\(?P<command>[A-Za-z]+)""",
    re.VERBOSE,
)


def _spelled(found: re.Match[str]) -> str:
    """One piece of LaTeX in the one spelling."""
    kind = found.lastgroup
    if kind == "upright":
        return '"' + re.sub(r"\\[,;:! ]|~", " ", found["upright"]) + '"'
    if kind == "command":
        return _COMMANDS.get(found["command"], found[0])
    if kind == "begin":
        name = found["begin"]
        return r"\matrix{" if name in _MATRICES else rf"\{name}{{"
    if kind == "primes":
        return "'" * found["primes"].count("prime")
    plain = {"circle": '"degree"', "size": "", "prime": "'", "array": r"\matrix{", "end": "}"}
    plain |= {"percent": "%", "money": '"dollar"', "space": "" if found[0] == r"\!" else " "}
    return plain.get(kind or "", found[0])


_MATRICES = ("matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix")
_NOTHING = re.compile(r"\\\{\s*\\\}")
_ROW_GAP = re.compile(r"\\\\\s*\[[\d.]{1,5}\s*(?:pt|ex|em|mm|cm)\]")
# A set as it is typed, and no argument of a command: {1, 2}, {1, 2} ∪ {3, 4}.
_SET = re.compile(
    r"(^|[=∪∩∈∖]|\\(?:cup|cap|in|setminus)(?![A-Za-z]))(\s*)\{([^{}\\]*[,|:][^{}\\]*)\}"
)
_ONE_ELEMENT = re.compile(r"([∈∉∖]|\\(?:in|notin|setminus)(?![A-Za-z]))(\s*)\{([^{}\\]*)\}")
_BRACKETED = re.compile(r"[(\[]\s*(\\matrix\{[^()\[\]]*?\})\s*[)\]]")
_DELIMITED = re.compile(
    r"(?<!\\)\$((?:[^$\\]|\\.)+)(?<!\\)\$|(?<!\\)\\\((.+?)(?<!\\)\\\)|\\f?boxed\s*(?=\{)"
)
_THOUSANDS = re.compile(
    r"(?<![\d.])(\d{1,3})((?:(?:\\,|\{,\}|[\u00a0\u2009\u202f '’])\d{3})+)(?!\d)"
)
_AMPERSAND = re.compile(r"\s*\\&\s*")
_NAMED = r"[A-Za-z](?:_\d)?\s*="
_JOINING = re.compile(
    rf"(?<=[\d)\]}}%])\s+(?:(?:et|ou|o)\s+(?=[-−\d\\(\[{{√]|{_NAMED})|[eyu]\s+(?=[-−]?\d|{_NAMED}))"
)
_SYSTEM = re.compile(r"\\begin\{(cases|aligned|gathered)\}([^&]*?)\\end\{\1\}")
_MODULUS = re.compile(
    r"\\[pb]?mod\s*(?:\{([^{}]*)\}|(?=\w))|\(\s*(?:\\?mod|\\text\{mod\s*\})(?![A-Za-z])([^()]*)\)"
)
_STACKED = re.compile(f"([{_SUPERSCRIPTS}]+)[⁄/]([{_SUBSCRIPTS}]+)")
_CALLS = tuple(
    (re.compile(rf"(?<![\\A-Za-z]){name}\(({inside})\)"), written)
    for name, inside, written in (
        ("floor", r"[^()]*", r"\\lfloor \1\\rfloor "),
        ("ceil(?:ing)?", r"[^()]*", r"\\lceil \1\\rceil "),
        ("factorial", r"[^()]*", r"(\1)!"),
        ("(?:binom(?:ial)?|nCr|comb)", r"[^(),]*),([^(),]*", r"\\binom{\1}{\2}"),
        ("Rational", r"[^(),]*),([^(),]*", r"\\frac{\1}{\2}"),
        (r"(?:\w{1,5}\.)?(?:Matrix|array)", r"\s*\[.*\]\s*", r"\1"),
    )
)
_SCIENTIFIC = re.compile(r"(?<![\w./^])(\d+(?:\.\d+)?|\.\d+)[eE]([-+]?\d{1,3})(?![\w.^])")
_RAISED_TAG = re.compile(r"<(su[pb])>([^<>]*)</\1>", re.IGNORECASE)
_PLAIN = re.compile(r"[-+]?[\d.,/%]+|[A-Za-z]")
_PLAIN_FORMS = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (r"(?<![\\A-Za-z])(sum|prod)(?=_)", r"\\\1 "),
        (r"(?<![\\A-Za-z])(int|lim)(?=[_ ])", r"\\\1 "),
        (r"->", r"\\to "),
        (r"\\overline\s*(\d)", r"\\overline{\1}"),
        (r"(?<=\d)\s*([kcdm]?m|in|ft|yd|mi)([23])(?![\w.])", r" \1^\2"),  # 24 cm2
        (r"\bU\.?S\.?(?=\s*(?:dollars?\b|\$))", ""),
        (r"\bRs\.?\s*(?=\d)", "₹"),
        (r"\b(?:math|np|numpy|sympy)\.(?=[a-z])", ""),
        (r"(?<=\*)I(?![A-Za-z(])|(?<![A-Za-z)])I(?=\*)", "i"),  # SymPy's 2*I and E**2
        (r"(?<![A-Za-z])E(?=\*\*)", "e"),
        (r"\\([dt]?frac|[dt]?binom)\s*(\d)\s*(\d)", r"\\\1{\2}{\3}"),
        (r"\A0x([0-9A-Fa-f]+)\Z", r"\1_{16}"),
        (r"\A0b([01]+)\Z", r"\1_{2}"),
        (r"\A(\d+) (?:in|out of)(?: every)? (\d+)\Z", r"\1/\2"),
        (r"\blight[- ]year", "lightyear"),
        (r"£\s?(\d+)(?:\sand)?\s(\d\d)\s?p(?:ence)?\b", r"£\1.\2"),
        (r"\A(\d[\d.]*\s?(?:°\s?[CF]?|degrees?)?)\s?below\szero\Z", r"-\1"),
        (r"\bUSD\s*(?=\d)", "$"),
        (r"\bEUR\s*(?=\d)", "€"),
        (r"\bGBP\s*(?=\d)", "£"),
        (r"(?<=\d)\s?pct\b", "%"),
    )
)
_DERIVATIVE = re.compile(r"([A-Za-z])\^\{?\(([1-4])\)\}?")
_BELOW_100 = rf"(?:(?:{'|'.join(TENS)})(?:[\s-](?:{'|'.join([*UNITS][1:10])}))?|{'|'.join(UNITS)})"
_BELOW_1000 = rf"{_BELOW_100}(?:\shundred(?:(?:\sand)?\s{_BELOW_100})?)?"
COUNT_WORDS = rf"{_BELOW_1000}(?:\s(?:thousand|million|billion)(?:(?:\sand)?\s{_BELOW_1000})?)*"
"""A number in English words."""
_COUNT = re.compile(
    rf"""(?P<before> \A (?:(?:minus|negative|about|exactly|only)\s)?+ | \b(?:and|or)\s )
        (?P<count>{COUNT_WORDS}) (?!\w|-(?!half|third|quarter|fourth|fifth))""",
    re.VERBOSE | re.IGNORECASE,
)
_AND_A_HALF = re.compile(r"(?<=\d)\s+and\s+(?:a|one|1)\s+half\b", re.IGNORECASE)
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7}
_PARTS |= {"eighth": 8, "ninth": 9, "tenth": 10}
_PART = re.compile(rf"(?:(\d+|an?)[\s-])?({'|'.join(_PARTS)})s?", re.IGNORECASE)
_FEET = re.compile(  # 5'3"
    r"(\d+)\s?['′’]\s?(\d{1,2}(?:\.\d+)?|\d* ?\d+/\d+)\s?(?:[\"″”]|['′’]{2})?"
)
_HOURS = re.compile(r"(\d+)\s?(?:h|hrs?|hours?)\s?([0-5]?\d)")  # 1h30, "1 h 30"
_DIVISION = re.compile(r"(\d+)\s?(?:[rR]|[Rr]em\.?|remainder\sof)\s?(\d+)")  # "6 R 2"
_PRINTED = re.compile(r"\[\s*(?:\[[^\[\],;]+\]\s*)+\]")  # [[1 2] [3 4]], as NumPy prints it
_ROWS = re.compile(r"\s*\[([^][;]+(?:;[^][;]+)+)\]\s*")  # [1 0; 0 1]
_OF_BASE = re.compile(r"\(([0-9A-Fa-f.]+)\)(?=\s*_)")
_OHM = re.compile(r"(?<=\d)\s*([kM]?)\\Omega\s*$")
_MICRO = re.compile(r'(?<=\d)\s*\\mu\s*"?\s*([mgsLlAVFWNJ])(?![A-Za-z])"?')
_TIMES_TEN = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_MINUS = re.compile(r"^\s*(?:minus|negative)\s+(?=[\d\\.])", re.IGNORECASE)
_MONEY = re.compile(
    r"""("(?:dollar|euro|gbp|yen|rupee|ruble|won)")\s*([-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+))
        (?:\s*(hundred|thousand|million|billion|trillion|[kKmMB]|[mb]n)(?![A-Za-z]))?""",
    re.VERBOSE,
)
_MONEY_SCALES = {
    **{"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million"},
    **{"B": "billion", "bn": "billion"},
}


def one_spelling(text: str) -> str:
    r"""A text in ASCII-like LaTeX, with `"…"` around words that were set upright.

    >>> one_spelling("5√3 cm²"), one_spelling(r"\dfrac12\text{ m}")
    ('5\\sqrt 3 cm^{2}', '\\frac {1}{2}" m"')
    """
    if _PLAIN.fullmatch(text):
        return text
    if feet := _FEET.fullmatch(text):
        return f"{feet[1]} ft {feet[2]} in"
    if hours := _HOURS.fullmatch(text):
        return f"{hours[1]} h {hours[2]} min"
    if division := _DIVISION.fullmatch(text):
        return f"{division[1]} remainder {division[2]}"
    text = _AND_A_HALF.sub(" 1/2", _COUNT.sub(_in_digits, text))
    part = _PART.fullmatch(text.replace("halves", "half"))
    if part and (part[1] or part[2].lower() == "half"):
        return f"{part[1] if (part[1] or 'a').isdigit() else 1}/{_PARTS[part[2].lower()]}"
    text = _MINUS.sub("-", _DELIMITED.sub(r" \1\2 ", text.replace('"', "")))
    if _PRINTED.fullmatch(text):
        text = ", ".join(", ".join(row.split()) for row in re.split(r"(?<=\])\s*(?=\[)", text))
    text = _SYSTEM.sub(r" \2 ", _JOINING.sub(" and ", _AMPERSAND.sub(" and ", text)))
    text = _RAISED_TAG.sub(lambda f: ("^{" if f[1][2] in "pP" else "_{") + f[2] + "}", text)
    text = _SCIENTIFIC.sub(lambda f: f"{f[1]}*10^{{{int(f[2])}}}", text)
    for pattern, written in (*_CALLS, *_PLAIN_FORMS):
        text = pattern.sub(written, text)
    text = _DERIVATIVE.sub(lambda f: f[1] + "'" * int(f[2]), text)
    if rows := _ROWS.fullmatch(text):
        text = _matrix(rows[1]) or text
    text = _MODULUS.sub(r" \\text{mod} \1\2 ", text)
    text = _STACKED.sub(lambda f: rf"\frac{{{f[1]}}}{{{f[2]}}}".translate(_ON_LINE), text)
    text = _ONE_ELEMENT.sub(r"\1\2\\{\3\\}", _SET.sub(r"\1\2\\{\3\\}", text))
    text = _THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[0]), text)
    text = _RAISED.sub(lambda f: "^{" + f[0].translate(_ON_LINE) + "}", text)
    text = _LOWERED.sub(lambda f: "_{" + f[0].translate(_ON_LINE) + "}", text)
    if not text.isascii():
        text = "".join(map(_character, text))
        text = _SIGN.sub(lambda found: _SIGNS[found[0]], text)
    text = _LATEX.sub(_spelled, _TIMES_TEN.sub("*", text))
    text = _BRACKETED.sub(r"\1", _ROW_GAP.sub(r"\\\\", _NOTHING.sub(r"\\emptyset ", text)))
    text = re.sub(r'"degree"\s*"?\s*([CF])\b"?', r'"deg\1"', text)
    text = _OHM.sub(r' "\1ohm"', _MICRO.sub(r' "μ\1"', _OF_BASE.sub(r"\1", text)))
    return _MONEY.sub(_amount, text)


def _amount(money: re.Match[str]) -> str:
    """An amount with its currency behind it: 5 million "dollar"."""
    scale = money[3] or ""
    return f"{money[2]} {_MONEY_SCALES.get(scale, scale)} {money[1]}"


def _in_digits(found: re.Match[str]) -> str:
    """A number word as digits: "twenty-five"."""
    total = part = 0
    for word in re.findall(r"[a-z]+", found["count"].lower()):
        if by := SCALES.get(word):
            part = (part or 1) * by
            if by > 100:
                total, part = total + part, 0
        elif word != "and":
            part += TENS.get(word) or UNITS[word]
    return f"{found['before']}{total + part}"


def _matrix(rows: str) -> str | None:
    """Rows with several entries as a matrix; [0; 5] may be an interval."""
    cells = [re.split(r"[,\s]+", row.strip()) for row in rows.split(";")]
    if any(len(row) < 2 for row in cells):
        return None
    return r"\begin{matrix}" + r"\\".join("&".join(row) for row in cells) + r"\end{matrix}"


def _character(character: str) -> str:
    """A character outside ASCII as LaTeX, where it has a name there."""
    if character.isascii():
        return character
    form = unicodedata.normalize("NFKC", character)
    if "\u2044" in form[1:]:  # ½
        top, bottom = form.split("\u2044")
        return rf"\frac{{{top}}}{{{bottom}}}"
    name = unicodedata.name(form, "") if len(form) == 1 else ""
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)", name)
    if greek:
        letter = greek[2].replace("LAMDA", "LAMBDA").replace("FINAL", "").lower()
        return rf"\{letter.capitalize() if greek[1] == 'CAPITAL' else letter} "
    return form


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# --- tokens ---------------------------------------------------------------------------------------

FUNCTIONS = words(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc asin acos atan sinh cosh "
    "tanh coth log ln lg exp abs sqrt cbrt"
)
_GREEK = words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega"
)
_NAMES = {**{name: name for name in FUNCTIONS | _GREEK}, "oo": "infty", "inf": "infty"}
_NAMES |= {"infinity": "infty", "emptyset": "emptyset", "Pi": "pi", "PI": "pi"}
_NAMES |= {name: name for name in ("Gamma", "Delta", "Theta", "Lambda", "Sigma", "Phi", "Omega")}
# The beginnings that are looked for in what is written without a blank: "sinx", "2pir".
_PREFIX = re.compile(f"({'|'.join(sorted(FUNCTIONS | {'pi'}, key=len, reverse=True))})([A-Za-z])")
SHORT_WORDS = words("or and is to of in no am pm by at if an as on up he we it so do us my be")
_TOKEN = re.compile(
    r"""\s*+(?: "(?P<upright>[^"]*)" | (?P<number>\d++(?:\.\d++|\.(?=\s*\\overline))?|\.\d++)
      | \\(?P<command>[A-Za-z]+) | (?P<letters>[\u3040-\u9fff]+|[^\W\d_\u3040-\u9fff]+)
      | (?P<sign>\\\\|\\[{}]|<=|>=|!=|\*\*|\S) )""",
    re.VERBOSE,
)
_AFTER_SECONDS = frozenset({".", "/", ",", ")", "}"})  # "10 sec", not "sec x"
_ALIASES = {"<=": ("le", "command"), ">=": ("ge", "command"), "!=": ("ne", "command")}


def tokens_of(text: str, units: frozenset[str] = frozenset()) -> list[Token]:
    r"""The tokens of a text that has one spelling.

    >>> [token.text for token in tokens_of("4*pi*r^2 sq. Feet")]
    ['4', '*', '\\pi', '*', 'r', '^', '2', 's', 'q', '.', 'feet']

    Args:
        text: from `one_spelling`.
        units: names of two letters that are one word.
    """
    tokens = list(_tokens(text, units, upright=False))
    for index, token in enumerate(tokens):
        if token.text == r"\sec":
            rest = [after.text for after in tokens[index + 1 :]]
            if not rest or rest[0] in _AFTER_SECONDS or (rest[0] == "^" and len(rest) == 2):
                tokens[index] = token._replace(text="sec", kind="word")
    return tokens


def _tokens(text: str, units: frozenset[str], *, upright: bool) -> Iterator[Token]:
    for found in _TOKEN.finditer(text):
        written = found[0].lstrip()
        spaced = len(written) < len(found[0])
        kind = found.lastgroup
        if kind == "upright":
            inner = _tokens(found["upright"], units, upright=True)
            blank = spaced or found["upright"][:1].isspace()
            for index, token in enumerate(inner):
                yield token._replace(spaced=blank or token.spaced) if index == 0 else token
        elif kind == "letters":
            yield from _letters(written, spaced, units, upright)
        elif kind == "command":
            yield Token(written, "command", spaced, upright)
        elif written in _ALIASES:
            name, as_kind = _ALIASES[written]
            yield Token(f"\\{name}", as_kind, spaced, upright)
        else:
            text = "^" if written == "**" else written
            yield Token(text, "number" if kind == "number" else "sign", spaced, upright)


def _letters(run: str, spaced: bool, units: frozenset[str], upright: bool) -> Iterator[Token]:
    """Letters without anything between them: a name, a word, or a product of variables."""
    lower = run.lower()
    if (known := _NAMES.get(run)) is not None and not (upright and len(run) > 4):
        yield Token(f"\\{known}", "command", spaced)
    elif (found := _PREFIX.fullmatch(run)) and not upright:
        yield Token(f"\\{found[1]}", "command", spaced)
        yield Token(found[2], "letter")
    elif len(run) == 1 and run.isascii():
        yield Token(run, "letter", spaced, upright)
    elif run in units:
        yield Token(run, "word", spaced, upright)
    elif (
        upright or lower in SHORT_WORDS or not run.isascii() or (len(run) > 2 and not _product(run))
    ):
        yield Token(lower, "word", spaced, upright)
    else:
        for index, letter in enumerate(run):
            yield Token(letter, "letter", spaced and index == 0, upright)


def _product(run: str) -> bool:
    """Are these three letters rather variables than a word, as in "xyz" and "abc"?"""
    neighbours = run in "abcdefghijklmnopqrstuvwxyz"
    return run.islower() and len(run) == 3 and (neighbours or not set(run) & set("aeiou"))


def key_of(tokens: Sequence[Token]) -> str:
    r"""What is the same for texts that differ in blanks, in braces around one token, in `\text`.

    The blanks between words count: "no one" is not "noone".

    >>> key_of(tokens_of("y = c e^{-x^{2}}")) == key_of(tokens_of("y=c e^{-x^2}"))
    True
    """
    parts: list[str] = []
    skipped: set[int] = set()
    before: Token | None = None
    for index, token in enumerate(tokens):
        if token.text == "{" and [t.text for t in tokens[index + 2 : index + 3]] == ["}"]:
            skipped |= {index, index + 2}
        if index in skipped:
            continue
        digits = parts and parts[-1][-1:].isdigit() and token.text[:1].isdigit()
        named = parts and re.fullmatch(r"\\[A-Za-z]+", parts[-1]) and token.text[:1].isalpha()
        parts.append(
            " " + token.text if digits or named or _two_words(before, token) else token.text
        )
        before = token
    return "".join(parts)


def _two_words(before: Token | None, token: Token) -> bool:
    kinds = (before and before.kind, token.kind)
    return kinds in (("word", "word"), ("word", "letter"), ("letter", "word"))
