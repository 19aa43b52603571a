"""Mistakes of a classifier: what they have in common, what each kind of them costs, and a page to tag them by hand."""
