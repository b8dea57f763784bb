"""A stand-in for the language model: rules that read the same messages and give the same kind of answers.

It knows nothing that a model would not be told: it reads the prompt, what the caller said, and the tools' results.
"""

from trunkline.examples.call_center.script.answer import answer

__all__ = ["answer"]
