"""Explanations of graphs: stories, derivations, paths; see `chainrule.explanation`."""
