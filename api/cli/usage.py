"""What the parser of the command line says of a command that was typed wrongly, in Vietnamese beside its own English.

The parser tells its kinds of error apart by class and by fixed sentences; both are looked up here. A sentence that
isn't known is said in general, with the parser's own words in the English line.
"""

from __future__ import annotations

import re
import sys
from typing import Any, NoReturn

import typer

EXIT_STATUS = 2  # as shells have it for a command that was used wrongly
UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer hands out no other name of it

# The parser's sentence, and ours with what it holds.
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), ours)
    for pattern, ours in (
        (r"No such command '(.*?)'\..*", "không có lệnh “{0}”"),
        (r"Missing command\.", "còn thiếu tên lệnh"),
        (r"Got unexpected extra argument\(?s?\)? \((.*)\)", "thừa “{0}”"),
        (r"Option '?(.*?)'? requires an argument\.", "tùy chọn {0} cần một giá trị đi kèm"),
        (r"Option '(.*)' requires (\d+) arguments\.", "tùy chọn {0} cần {1} giá trị đi kèm"),
        (r"Option '(.*)' does not take a value\.", "tùy chọn {0} không nhận giá trị"),
        (r"Argument '(.*)' takes (\d+) values\.", "{0} cần {1} giá trị"),
        (r"Input should be a valid integer\b.*", "phải là số nguyên"),
        (r"Input should be a valid number\b.*", "phải là số"),
        (r"Input should be a valid date\b.*", "phải là ngày, viết như 2026-07-30"),
        (r"Input should be greater than or equal to (\S+)", "phải từ {0} trở lên"),
        (r"Input should be less than or equal to (\S+)", "không được quá {0}"),
        (r"(?:Value error, )?'(.*)' is not one of (.*)\.", "không có “{0}”, hãy chọn một trong: {1}"),
        (r"(?:Value error, )?'(.*)' does not match the formats? (.*)\.", "“{0}” không đúng dạng {1}"),
    )
)


def tell(error: Any) -> NoReturn:
    """Say it in two lines and end the program."""
    context = error.ctx
    helps = f"{context.command_path} --help" if context is not None else "truyenthanh --help"
    english = " ".join(error.format_message().split())
    if error.__class__.__name__ == "NoSuchOption":
        english = f"No such option: {error.option_name}"
    print(f"Lệnh chưa đúng: {in_vietnamese(error)}. Xem cách dùng: {helps}", file=sys.stderr)  # noqa: T201
    print(f"{english.rstrip('.')}. See: {helps}", file=sys.stderr)  # noqa: T201
    sys.exit(EXIT_STATUS)


def in_vietnamese(error: Any) -> str:
    """A clause about what is wrong."""
    kind = error.__class__.__name__
    if kind == "NoSuchOption":
        near = ", ".join(error.possibilities or ())
        return f"không có tùy chọn {error.option_name}" + (f"; có phải {near}?" if near else "")
    if kind == "MissingParameter":
        return f"còn thiếu {_name(error)}"
    message = str(error.message)
    said = next(
        (ours.format(*found.groups()) for known, ours in _SENTENCES if (found := known.fullmatch(message))), None
    )
    if said is None and not message.isascii():  # a command's own words
        said = message
    if kind != "BadParameter":
        return said or "không hiểu được"
    return f"{_name(error)}: {said or 'giá trị không dùng được'}"


def _name(error: Any) -> str:
    """The option or argument as it is typed."""
    if error.param is None:
        return str(error.param_hint or "giá trị")
    if error.param.param_type_name == "option":
        return str(max(error.param.opts, key=len))
    return str(error.param.metavar or error.param.name).strip("[]")
