"""How `./dev docs` makes web pages of the Markdown here."""

project = "Callboard"
extensions = ["myst_parser"]
root_doc = "README"
html_theme = "alabaster"
html_show_copyright = False
myst_heading_anchors = 3
# Links out of docs/ (to the README, to code) are for readers of the repository; diagrams stay text.
suppress_warnings = ["misc.highlighting_failure", "myst.header", "myst.xref_missing", "toc.not_included"]
