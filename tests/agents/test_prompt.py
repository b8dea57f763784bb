"""Prompts."""

from pathlib import Path

import pytest

from trunkline.agents import Prompt
from trunkline.errors import PromptError

FILE = """---
name: refunds
description: Pays money back.
inputs:
  customer: who is calling
  orders: their orders
---
You talk to {{ customer }}.
{% for order in orders %}
- {{ order }}
{%- endfor %}
"""


@pytest.fixture(name="path")
def prompt_path(tmp_path: Path) -> Path:
    return tmp_path / "desk.md"


def read(path: Path, content: str) -> Prompt:
    path.write_text(content, encoding="utf-8")
    return Prompt.from_file(path)


def test_a_file_has_its_facts_in_front(path: Path) -> None:
    """The name, a description and the variables stand above the text."""
    prompt = read(path, FILE)

    assert (prompt.name, prompt.description) == ("refunds", "Pays money back.")
    assert prompt.inputs == {"customer", "orders"}
    assert prompt.render({"customer": "Ann", "orders": ["A1", "A2"]}) == "You talk to Ann.\n\n- A1\n- A2"


@pytest.mark.parametrize(
    "content",
    ["Be kind.", "---\n---\nBe kind.", "---\n\n---\nBe kind.\n", "\ufeff---\n---\nBe kind.", "---\r\n---\r\nBe kind."],
)
def test_a_file_needs_no_facts(path: Path, content: str) -> None:
    """The file's own name is the prompt's; a byte order mark or another system's line ends do no harm."""
    prompt = read(path, content)

    assert (prompt.name, prompt.render({})) == ("desk", "Be kind.")


def test_a_rule_inside_the_text_is_text(path: Path) -> None:
    """Only the first two lines of dashes are the frame."""
    assert read(path, "---\nname: x\n---\none\n---\ntwo").render({}) == "one\n---\ntwo"


def test_a_file_may_end_after_its_facts(path: Path) -> None:
    """An agent without instructions is one, too."""
    assert read(path, "---\nname: x\n---").render({}) == ""


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("---\nname: x\nBe kind.", "its front matter has no closing '---' line"),
        ("---\nname: [\n---\n", "its front matter is not YAML: while parsing a flow node expected the node content"),
        ("---\nnam: x\n---\n", "its front matter is wrong: nam: is not known here"),
        ("---\ninputs: [a]\n---\n", "its front matter is wrong: inputs: "),
        ("---\n- x\n---\n", "its front matter is wrong: "),
        ("{{ customer }} {{ order }}", "uses customer, order without declaring it under inputs: in its front matter"),
        ("{{ customer", "is not a valid template: unexpected end of template"),
        ("{% for %}", "is not a valid template: "),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(path: Path, content: str, problem: str) -> None:
    """The file, what is wrong, and where."""
    with pytest.raises(PromptError) as raised:
        read(path, content)

    assert str(raised.value).startswith(f"prompt {path}: {problem}")
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    """Missing, or not in UTF-8."""
    with pytest.raises(PromptError, match=r"desk\.md: cannot be read: No such file or directory"):
        Prompt.from_file(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(PromptError, match=r"desk\.md: cannot be read: it is not UTF-8"):
        Prompt.from_file(path)


def test_the_version_changes_with_the_text_and_with_nothing_else(path: Path) -> None:
    """The same text has the same version wherever it comes from."""
    prompt = read(path, FILE)
    described = read(path, FILE.replace("Pays money back.", "Refunds."))
    changed = read(path, FILE + ".")

    assert prompt.version.startswith("refunds@")
    assert prompt.version == described.version == Prompt.from_text(prompt.text, name="refunds").version
    assert prompt.version != changed.version


def test_a_text_in_code_declares_its_variables_by_using_them() -> None:
    """What it sets itself is no input."""
    prompt = Prompt.from_text("{% set greeting = 'Hi' %}{{ greeting }} {{ customer }}", name="desk")

    assert prompt.inputs == {"customer"}
    assert prompt.render({"customer": "Ann", "other": 1}) == "Hi Ann"


def test_a_value_that_is_missing_is_named() -> None:
    """Not rendered as nothing."""
    prompt = Prompt.from_text("{{ customer }} {{ order }}", name="desk")

    with pytest.raises(PromptError) as raised:
        prompt.render({"order": 1})
    assert str(raised.value) == f"prompt {prompt.version}: has no value for customer"


@pytest.mark.parametrize(
    "text",
    [
        "{{ a.__class__.__mro__ }}",
        "{{ a.pop() }}",
        "{{ a.append(1) }}",
        "{{ ''.__class__ }}",
        "{% for n in range(1000000000) %}{% endfor %}",
        "{{ a.nothing.more }}",
        "{{ a + 1 }}",
        "{{ 1 / 0 }}",
        "{{ a['x'] + 1 }}",
    ],
)
def test_a_template_can_neither_reach_out_nor_change_anything(text: str) -> None:
    """The sandbox refuses, and every other failure is told the same way: one line with the prompt's version."""
    prompt, values = Prompt.from_text(text, name="desk"), {"a": [1]}

    with pytest.raises(PromptError) as raised:
        prompt.render(values)
    assert str(raised.value).startswith(f"prompt {prompt.version}: cannot be rendered: ")
    assert "\n" not in str(raised.value)
    assert values == {"a": [1]}
