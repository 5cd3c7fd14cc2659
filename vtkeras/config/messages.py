"""Option classes in words: their help, and what is wrong with a value."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo


def describe_options(
    options: type[BaseModel], prefix: str, names_of: Callable[[FieldInfo], Sequence[str]] = lambda field: ()
) -> Iterator[str]:
    """Lists every option of an option class, and of the option classes inside it, with default and help.

    Args:
        options: an option class.
        prefix: what stands before each name, e.g. `train.`.
        names_of: from an option to what it can be set to, where its type does not tell.

    Returns:
        one text an option: its name, its help, and what it can be set to, a line each.

    Example:
        >>> next(describe_options(StageConfig, "train.stages[]."))
        'train.stages[].epochs: required, at least 1\n    Epochs of this stage.'
    """
    for name, field in options.model_fields.items():
        inner = _options_in(field.annotation)
        many = "[]" if inner and field.annotation is not inner else ""
        if field.is_required():
            default = ": required"
        else:
            default = "" if inner else f" = {field.get_default(call_default_factory=True)!r}"
        bounds, text = _bounds(field), " ".join((field.description or "").split())
        literals = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        names, kind = ", ".join(literals or names_of(field)), "Keys" if "dict[" in str(field.annotation) else "One of"
        lines = [f"{prefix}{name}{many}{default}{bounds and ', '}{bounds}", text, names and f"{kind}: {names}"]
        yield "\n    ".join(filter(None, lines))
        if inner:
            yield from describe_options(inner, f"{prefix}{name}{many}.", names_of)


def first_problem(error: ValidationError, options: type[BaseModel], prefix: str = "") -> str:
    """The first problem of a validation, as one sentence that names the option, its bounds and the way out.

    Args:
        error: what pydantic raised.
        options: the option class that was to be made.
        prefix: what stands before the option's name, e.g. `data.options.`.

    Example:
        >>> first_problem(error, MovingDigits.Options, "data.options.")
        "'data.options.train_clips' = -5 is out of range: it must be at least 1 (default 8192)."
    """
    problem = error.errors()[0]
    location = prefix + ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = sorted(_inner_options(options, problem["loc"][:-1]).model_fields)
        close = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(known)}."
        return f"unknown key '{location}'; {hint}"
    if problem["type"] == "value_error":
        return f"{location.rstrip('.')}: {problem['ctx']['error']}"
    field = _inner_options(options, problem["loc"][:-1]).model_fields.get(str(problem["loc"][-1]))
    if field and problem["type"] == "missing":
        return f"'{location}' is missing: {field.description}"
    told = f"'{location}' = {_spell(problem['input'])}"
    if field and problem["type"] in _BOUND_PROBLEMS:
        default = "" if field.default is None or field.is_required() else f" (default {field.default})"
        return f"{told} is out of range: it must be {_bounds(field) or 'a finite number'}{default}."
    if problem["type"] in _BOUND_PROBLEMS:  # of an entry of a dict
        missed = [f"{_BOUND_WORDS[name]} {bound:,}" for name, bound in problem.get("ctx", {}).items()]
        return f"{told} is out of range: it must be {missed[0] if missed else 'a finite number'}."
    wanted = _WANTED.get(problem["type"], "another kind of value")
    return f"{told} must be {wanted.format(**problem.get('ctx', {}))}."


def _spell(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to spell numbers of thousands of digits
        return "a huge number"
    return text if len(text) <= 100 else f"{text[:100]}..."


_NUMBER, _INTEGER, _KEYS = "a number", "a whole number", "keys with values, e.g. {{key: value}}"
_WANTED = {  # types of pydantic's errors -> what the value must be
    "string_type": "a text",
    "invalid_key": "a text, as every key",
    "path_type": "a path",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing_size": "a whole number of fewer digits",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list, e.g. [one, another]",
    "dict_type": _KEYS,
    "model_type": _KEYS,
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "literal_error": "one of {expected}",
}
_BOUND_PROBLEMS = ("finite_number", "greater_than", "greater_than_equal", "less_than", "less_than_equal")
_BOUND_WORDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def _bounds(field: FieldInfo) -> str:
    """What values a number may have, e.g. `at least 0 and below 1`; empty where there is no bound."""
    told = [
        f"{words} {getattr(bound, name):,}"
        for bound in field.metadata
        for name, words in _BOUND_WORDS.items()
        if getattr(bound, name, None) is not None
    ]
    return " and ".join(told)


def _options_in(annotation: Any) -> type[BaseModel] | None:
    """The option class that a field holds, itself or as an entry of a tuple."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _inner_options(options: type[BaseModel], location: tuple) -> type[BaseModel]:
    """The option class at a place inside another one, e.g. at ("train", "stages", 0)."""
    for part in location:
        if part in options.model_fields:
            options = _options_in(options.model_fields[part].annotation) or options
    return options
