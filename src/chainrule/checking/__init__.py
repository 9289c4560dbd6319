"""Hand-written backward passes held against the truth: what is wrong, where, and the proof."""
