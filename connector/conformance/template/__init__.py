"""A complete small platform, made up, that passes the whole suite: what `connector new-platform` lays down.

`platform/` becomes the platform's package, `tests/` its tests; the words `example`, `Example` and `EXAMPLE` become the
new platform's name. It is checked with the rest of the product, so that the template always works.
"""
