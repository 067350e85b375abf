"""Conversations as problems with a solution: OpenAI `messages`, and traces of agents.

The user's first message is the problem. The text of a single reply is the solution. With several
turns each is a step, and so is a tool call together with its result; what the user says in between
is put before the step that answers it. Reasoning that a server returns separately is thinking.
Calls and results may also be parts of a message's content (`tool_use`, `tool_result`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from prm_core.formats.rows import FileRow, kind_of

_NO_PROBLEM = ("system", "developer")  # instructions to the model
_TEXTS = ("text", "input_text", "output_text", "refusal", "reasoning", "thinking")


def conversation(row: FileRow, field: str, messages: Any) -> tuple[str, dict[str, Any]]:
    """The problem of a conversation, and its solution in the form of a row.

    Args:
        row: named in errors.
        field: the field with the messages.
        messages: the messages: `role`, `content`, perhaps `tool_calls`.

    Raises:
        DataError: they are not messages, or there is no question or no reply.
    """
    if not isinstance(messages, list):
        raise row.error(f"must be a list of messages, not {kind_of(messages)}", field)
    turns, begins = _turns(row, field, messages)
    problem = "\n\n".join(_asked(turns[:begins]))
    if not problem:
        raise row.error("has no user message before the first reply", field)
    if begins == len(turns):
        raise row.error("has no assistant message", field)
    rest = turns[begins:]
    steps = _steps(rest)
    if not steps:
        raise row.error("the assistant's messages are blank", field)
    model = next((one["model"] for one in rest if one["model"]), "")
    if sum(one["role"] != "system" for one in rest) == 1 and not rest[0]["calls"]:
        thought, said = rest[0]["reasoning"], rest[0]["text"]
        text = f"<think>\n{thought}\n</think>\n\n{said}" if thought.strip() else said
        return problem, {"text": text, "generator": model}
    return problem, {
        "steps": [text for text, _ in steps],
        "thinking": [is_thought for _, is_thought in steps],
        "generator": model,
    }


def questions(row: FileRow, field: str, messages: Any) -> list[str]:
    """What is asked before the first reply of a conversation, a message each.

    Args, Raises: as `conversation`.
    """
    turns, begins = _turns(row, field, messages)
    return _asked(turns[:begins])


def _turns(row: FileRow, field: str, messages: Any) -> tuple[list[dict[str, Any]], int]:
    """The messages, and the place of the first reply."""
    turns = [
        _turn(row, field, number, part)
        for number, one in enumerate(messages, start=1)
        for part in _without_results(one)
    ]
    replies = (i for i, one in enumerate(turns) if one["role"] == "assistant")
    return turns, next(replies, len(turns))


def _asked(turns: Sequence[dict[str, Any]]) -> list[str]:
    texts = (one["text"] for one in turns if one["role"] not in _NO_PROBLEM)
    return [text for text in texts if text.strip()]


def _steps(turns: Sequence[dict[str, Any]]) -> list[tuple[str, bool]]:
    """Texts of steps, and whether each is thinking."""
    steps: list[tuple[str, bool]] = []
    before = ""  # the user's text since the last step
    calling = False  # results still belong to the last step
    for turn in turns:
        if turn["role"] == "assistant":
            if turn["reasoning"].strip():
                steps.append((turn["reasoning"].strip(), True))
            parts = [before, turn["text"], *turn["calls"]]
            if any(part.strip() for part in parts[1:]):
                steps.append(("\n\n".join(part.strip() for part in parts if part.strip()), False))
                before, calling = "", bool(turn["calls"])
        elif turn["role"] in ("tool", "function"):
            result = f"→ {turn['text'].strip()}".strip()
            if calling:
                steps[-1] = (f"{steps[-1][0]}\n{result}", False)
            else:
                before = f"{before}\n\n{result}".strip()
        elif turn["text"].strip():
            before = f"{before}\n\nUser: {turn['text'].strip()}".strip()
    return steps


def _without_results(message: Any) -> list[Any]:
    """A message; results of tools that are parts of a user's become messages of their own."""
    results = _parts_of_type(message, "tool_result")
    if not results:
        return [message]
    rest = [part for part in message["content"] if part not in results]
    said = [{"role": "tool", "content": part.get("content")} for part in results]
    return [*said, {**message, "content": rest}] if rest else said


def _parts_of_type(message: Any, kind: str) -> list[dict[str, Any]]:
    content = message.get("content") if isinstance(message, dict) else None
    parts = content if isinstance(content, list) else []
    return [part for part in parts if isinstance(part, dict) and part.get("type") == kind]


def _turn(row: FileRow, field: str, number: int, message: Any) -> dict[str, Any]:
    """A message with its text, its reasoning and its calls as texts."""
    if not isinstance(message, dict):
        raise row.error(f"message {number} must be an object, not {kind_of(message)}", field)
    role = message.get("role")
    if not isinstance(role, str):
        raise row.error(f"role of message {number} must be text, not {kind_of(role)}", field)
    parts = _parts(row, field, number, message.get("content"))
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    thoughts = [text for text, is_thought in parts if is_thought]
    thoughts += [reasoning] if reasoning and isinstance(reasoning, str) else []
    calls = message.get("tool_calls") or []
    if old := message.get("function_call"):
        calls = [{"function": old}]
    if not isinstance(calls, list):
        raise row.error(f"tool_calls of message {number} must be a list", field)
    calls = [*calls, *_parts_of_type(message, "tool_use")]
    error = message.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        parts.append((f"error: {error['message']}", False))
    return {
        "role": role,
        "text": "\n".join(text for text, is_thought in parts if not is_thought),
        "reasoning": "\n".join(thoughts),
        "calls": [_call(row, field, number, one) for one in calls],
        "model": message["model"] if isinstance(message.get("model"), str) else "",
    }


def _parts(row: FileRow, field: str, number: int, content: Any) -> list[tuple[str, bool]]:
    """The texts of a message's content, and whether each is reasoning."""
    if content is None:
        return []
    if isinstance(content, str):
        return [(content, False)]
    if not isinstance(content, list):
        raise row.error(f"content of message {number} is {kind_of(content)}", field)
    found = []
    for part in content:
        if isinstance(part, str):
            found.append((part, False))
            continue
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str):
            raise row.error(f"message {number} has a part without a type", field)
        if kind == "tool_use":  # one of the calls
            continue
        text = next((part[name] for name in _TEXTS if isinstance(part.get(name), str)), None)
        if kind in _TEXTS and text is not None:
            found.append((text, kind in ("reasoning", "thinking")))
        elif kind not in _TEXTS:
            found.append((f"[{kind}]", False))  # an image or audio: not read
    return found


def _call(row: FileRow, field: str, number: int, call: Any) -> str:
    """A tool call as text: its name and its arguments, and the result if it is there too."""
    call = call if isinstance(call, dict) else {}
    result = call.get("result")
    function = call.get("function", call if call.get("type") == "tool_use" else None)
    if isinstance(function, dict):
        name, arguments = function.get("name"), function.get("arguments", function.get("input", ""))
    else:
        name, arguments = function, call.get("arguments", "")
    if not isinstance(name, str):
        raise row.error(f"a tool call of message {number} names no function", field)
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return f"{name}({arguments})" + (f"\n→ {result}" if isinstance(result, str) else "")
