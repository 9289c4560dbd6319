"""Hand-written backward passes held against the truth: what is wrong, where, and the proof."""

from chainrule.checking.front import check as check
from chainrule.checking.layer import check_layer as check_layer
from chainrule.checking.scripts.front import check_script as check_script
