"""A report as one page of HTML."""

from chainrule.checking.page.document import document as document
