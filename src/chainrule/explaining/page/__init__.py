"""The story as one HTML file that needs nothing else: no network, no script from elsewhere."""

from chainrule.explaining.page.document import document

__all__ = ["document"]
