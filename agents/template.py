"""Jinja templates in a sandbox: what the text of a prompt is. Import it where one is used: Jinja takes its memory."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from trunkline.agents.file_fault import one_line
from trunkline.errors import PromptError

_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)


@lru_cache(maxsize=256)
def compiled(text: str) -> Template:
    """Return the template."""
    return _environment.from_string(text)


def variables(text: str, name: str) -> frozenset[str]:
    """Return the variables of the prompt's text. Raises `PromptError` for one that is not a template."""
    try:
        return frozenset(meta.find_undeclared_variables(_environment.parse(text)))
    except TemplateError as error:
        raise PromptError(prompt=name, problem=f"is not a valid template: {one_line(error)}") from error
