"""Explanations of graphs: stories, derivations, paths. `chainrule.explanation` is the front door."""
