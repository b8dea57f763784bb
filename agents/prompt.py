"""A prompt: a Markdown file with front matter, whose version is a digest of its content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from trunkline.agents.file_fault import one_line, place, unreadable, wrong
from trunkline.errors import PromptError

_FRAME = re.compile(r"---\n(?P<head>.*?)^---(?:\n|\Z)", re.DOTALL | re.MULTILINE)


class _FrontMatter(BaseModel):
    """What may stand between the two `---` lines at the top of a prompt file."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    description: str = ""
    inputs: dict[str, str] = {}
    """The variables of the text, each with a word on what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The instructions of an agent, with `{{ variables }}` (Jinja, sandboxed) that are filled at each step."""

    name: str
    text: str
    inputs: frozenset[str]
    description: str = ""

    @property
    def version(self) -> str:
        """`name@digest`: changes with the content and with nothing else."""
        return f"{self.name}@{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"

    @classmethod
    def from_text(cls, text: str, *, name: str = "prompt") -> Prompt:
        """Make a prompt of a text in code. Every variable in it becomes an input."""
        return cls(name=name, text=text, inputs=_variables(text, name))

    @classmethod
    def from_file(cls, path: str | Path) -> Prompt:
        """Read a prompt file. Raises `PromptError` for a file that is missing or whose front matter is wrong."""
        path = Path(path)
        try:
            content = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(prompt=str(path), problem=unreadable(error)) from error
        front, text = _split(content, path)
        undeclared = sorted(_variables(text, str(path)) - front.inputs.keys())
        if undeclared:
            problem = f"uses {', '.join(undeclared)} without declaring it under inputs: in its front matter"
            raise PromptError(prompt=str(path), problem=problem)
        inputs = frozenset(front.inputs)
        return cls(name=front.name or path.stem, text=text, inputs=inputs, description=front.description)

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text with its variables filled from `values`; others in `values` are ignored."""
        from trunkline.agents.template import compiled

        missing = sorted(self.inputs - values.keys())
        if missing:
            raise PromptError(prompt=self.version, problem=f"has no value for {', '.join(missing)}")
        try:
            return compiled(self.text).render({name: values[name] for name in self.inputs}).strip()
        except Exception as error:
            raise PromptError(prompt=self.version, problem=f"cannot be rendered: {one_line(error)}") from error


def _variables(text: str, name: str) -> frozenset[str]:
    if "{" not in text:
        return frozenset()
    from trunkline.agents.template import variables

    return variables(text, name)


def _split(content: str, path: Path) -> tuple[_FrontMatter, str]:
    if not content.startswith("---\n"):
        return _FrontMatter(), content
    found = _FRAME.match(content)
    if not found:
        raise PromptError(prompt=str(path), problem="its front matter has no closing '---' line")
    try:
        return _FrontMatter.model_validate(yaml.safe_load(found["head"]) or {}), content[found.end() :]
    except yaml.YAMLError as error:
        raise PromptError(prompt=str(path), problem=f"its front matter is not YAML: {one_line(error)}") from error
    except ValidationError as error:
        problems = "; ".join(f"{place(item['loc'])}: {wrong(item)}" for item in error.errors())
        raise PromptError(prompt=str(path), problem=f"its front matter is wrong: {problems}") from error
