"""The desk's 22 tools, as toolboxes over a backend. Imports the backend, policy and `trunkline`."""

from trunkline.examples.call_center.tools.toolboxes import after_call_toolbox, contact_toolbox

__all__ = ["after_call_toolbox", "contact_toolbox"]
