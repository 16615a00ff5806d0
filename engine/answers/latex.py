"""From LaTeX, superscripts and full-width signs to plain text."""

import re
import unicodedata

_DROPPED = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|quad|qquad|bf|rm|it|big|Big|bigl|bigr|!)(?![A-Za-z])|\\[()\[\]]"
)
_THIN = re.compile(r"\\[,;:> ]|(?<=\d)~(?=\d)")
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|mbox|emph|underline)\s?\{([^{}]*)\}")
_FRACTION = re.compile(r"(\d\s?)?\\[dtc]?frac\s?(?:\{\s*(-?[\d.,]+)\s*\}|(\d))\s?(?:\{\s*(-?[\d.,]+)\s*\}|(\d))")
_SIGNS = {
    r"\times": "×", r"\cdot": "·", r"\div": "÷", r"\pm": "±", r"\approx": "≈", r"\leq": "≤", r"\geq": "≥", r"\%": "%",
    r"\$": "$", r"\degree": "°", r"^\circ": "°", r"^{\circ}": "°", r"\euro": "€", r"\pounds": "£", r"\_": "_",
    r"\{": "{", r"\}": "}", r"\&": "&", r"\#": "#", r"\rightarrow": "→", r"\to": "→", r"\lt": "<", r"\gt": ">",
    r"\neg": "¬", r"\emptyset": "∅", r"\varnothing": "∅", r"\mu": "µ", r"\Omega": "Ω",
}  # fmt: skip
_SIGN = re.compile("|".join(re.escape(sign) + (r"(?![A-Za-z])" if sign[-1].isalpha() else "") for sign in _SIGNS))
_BRACED = re.compile(r"(?<=\d)\{([,.])\}(?=\d)")
_EXPONENT = re.compile(r"\^\s?\{\s*([-−+]?\w{1,6})\s*\}")
_MATHS = re.compile(r"\${1,2}(?=\S)([^$\n]{1,256}?)(?<=\S)\${1,2}(?![\d$])")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPERSCRIPT = re.compile(r"(?<=[\w)°])[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_POWERS = re.compile(r"(?<![\d.*])(\d[\d.]*+)\s?\*\*\s?(?=[-\d(])")
_STAR = re.compile(r"(?<=\d)\s?\*\s?(?=\d)")
_BESIDE_DIGITS = re.compile(
    r"(?<=[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af])(?=\d)|(?<=\d)(?=[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af])"
)
_VULGAR = re.compile("[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅒⅑⅐\u00a0\u202f\u2009²³¹⁰-⁹°ªº…µ™]")


def plainly(text: str) -> str:
    """The text with LaTeX as plain signs, superscripts as powers, and full-width letters and digits as ASCII."""
    if not text.isascii():
        text = _SUPERSCRIPT.sub(lambda match: "^" + match[0].translate(_SUPERSCRIPTS), text)
        text = _BESIDE_DIGITS.sub(" ", "".join(_usual(mark) for mark in text))
    if "\\" in text:
        text = text.replace("\\\\", "\n")
        text = _SIGN.sub(lambda match: _SIGNS[match[0]], text)
        text = _THIN.sub("\u2009", _DROPPED.sub(" ", text))
        for _ in range(3):
            text = _WRAPPED.sub(r"\1", text)
        text = _FRACTION.sub(_fraction, text)
    text = _EXPONENT.sub(r"^\1", _BRACED.sub(r"\1", text))
    if "*" in text:
        text = _STAR.sub("×", _POWERS.sub(r"\1^", text))
    return _MATHS.sub(r" \1 ", text) if "$" in text else text


def _usual(mark: str) -> str:
    if mark.isascii() or _VULGAR.match(mark):
        return mark
    usual = unicodedata.normalize("NFKC", mark)
    if len(usual) == 1:
        return str(unicodedata.digit(usual)) if usual.isdecimal() else usual
    return mark


def _fraction(match: re.Match[str]) -> str:
    whole = f"{match[1].strip()} " if match[1] else ""
    return f"{whole}{match[2] or match[3]}/{match[4] or match[5]}"
