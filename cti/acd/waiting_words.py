"""What a caller who waits is told of their place, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.prompt_values import TextPrompt

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "next": {"zh": "您是下一位。", "en": "You are next in line."},
    "place": {"zh": "您前面还有%d位。", "en": "There are %d callers before you."},
    "place_one": {"zh": "您前面还有1位。", "en": "There is 1 caller before you."},
    "soon": {"zh": "预计等待不到1分钟。", "en": "The expected wait is less than 1 minute."},
    "wait": {"zh": "预计等待%d分钟。", "en": "The expected wait is %d minutes."},
    "wait_one": {"zh": "预计等待1分钟。", "en": "The expected wait is 1 minute."},
    "callback": {
        "zh": "不想等待，请按%s，我们会按您现在的顺序回电。",
        "en": "If you would rather not wait, press %s and we will call you back in your turn.",
    },
}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "*": {"zh": "星号键", "en": "star"},
    "#": {"zh": "井号键", "en": "hash"},
}


def told(
    language: str, *, position: int = 0, wait_s: int | None = None, callback_key: str = ""
) -> tuple[TextPrompt, ...]:
    """Return the sentences: the `position` (1 is first, 0: not told), the expected wait (None: not told), the key for
    being called back (empty: not offered).
    """
    language = language if language in ("zh", "en") else "zh"
    texts = []
    if position == 1:
        texts.append(_said("next", language))
    elif position > 1:
        texts.append(_counted("place", position - 1, language))
    if wait_s is not None:
        minutes = round(wait_s / 60)
        texts.append(_said("soon", language) if minutes < 1 else _counted("wait", minutes, language))
    if callback_key:
        key = _KEYS.get(callback_key, {}).get(language, callback_key)
        texts.append(_said("callback", language) % key)
    return tuple(TextPrompt(text=text, language=language) for text in texts)


def _said(name: str, language: str) -> str:
    return _TEXTS[name][language]


def _counted(name: str, number: int, language: str) -> str:
    return _said(f"{name}_one", language) if number == 1 else _said(name, language) % number
