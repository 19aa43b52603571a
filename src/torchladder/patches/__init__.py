"""Changes in memory written as changes to the user's files.

One file a kind, named like the file in ``experiments/`` that makes the same change in memory. Each holds
``edit(case)``, which returns the file and its new text, or None when the edit cannot be written safely.
"""

from torchladder.patches.patch import diff_for, with_diffs

__all__ = ["diff_for", "with_diffs"]
