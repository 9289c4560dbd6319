"""These tests need a Chromium or Chrome; where none is installed there is nothing to collect.

`CHROMIUM=/path/to/chrome python -m pytest tests/browser` names one that is not on the path.
"""

from chromium import BROWSER

collect_ignore = [] if BROWSER else ["test_pages_in_browser.py"]
