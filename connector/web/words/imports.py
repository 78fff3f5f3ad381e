"""Bringing data along: why a row of a file was not taken."""

from __future__ import annotations

from connector.web.words.wording import Wording

REASONS: dict[str, Wording] = {
    # Bringing data along: why a row of a file was not taken
    "cells_unclear": Wording(
        "The row can't be read",
        "A row of a file could not be read",
        "Its cells can't be told apart; the detail says why",
        remedy="Correct the row as its detail says and bring the file again.",
    ),
    "cell_empty": Wording(
        "A cell is empty",
        "A cell of a file is empty",
        "A column that is needed is empty in this row",
        remedy="Fill it in and bring the file again.",
    ),
    "handle_unreadable": Wording(
        "The creator's handle can't be read",
        "A handle could not be read",
        "The creator's cell is no handle",
        remedy="Write it as in the app, like @mira.",
    ),
    "creator_not_found": Wording(
        "No creator here has this handle",
        "A handle that isn't registered",
        "No creator has the handle; none is made by a file",
        remedy="Correct the handle. Creators join by the app, not here.",
    ),
    "code_unreadable": Wording(
        "This can't be a code",
        "This can't be a code",
        "A checkout would not take it as a code",
        remedy="Write it as buyers type it.",
    ),
    "code_of_another": Wording(
        "The code is another creator's",
        "The code is not yours",
        "The code is, or was, another creator's in this shop: it never moves by a file",
        remedy="Take another code, or have this one moved, with a reason.",
    ),
    "tag_unreadable": Wording(
        "No old address can be read here",
        "An old link could not be read",
        "Nothing usable behind the last slash",
        remedy="Give the whole link, or what stands behind its last slash.",
    ),
    "tag_of_another": Wording(
        "This old address leads somewhere else already",
        "An old link leads somewhere else",
        "The tag is taken by another link; tags are never reused",
        remedy="Take the row out if what stands here is right.",
    ),
    "tag_is_a_code": Wording(
        "One of our links has this very code",
        "An old link reads like one of ours",
        "Read as a code of ours it is one",
        remedy="Take the row out: the address is in use.",
    ),
    "product_not_found": Wording(
        "The catalog has no such product",
        "The product isn't in the list",
        "No listing of the shop has this product id",
        remedy="Use the store's own id of the product, and sync the catalog first.",
    ),
    "variant_not_found": Wording(
        "The product has no such variant",
        "The variant isn't in the list",
        "The variant isn't there, or is another product's",
        remedy="Correct the id, or leave the cell empty.",
    ),
    "content_incomplete": Wording(
        "A video needs network and reference",
        "A video was named by half",
        "Network and content go together; kind is video, post or live",
        remedy="Fill in both, or leave both empty.",
    ),
    "content_is_another": Wording(
        "It is known as the other kind",
        "A video and a live session were mixed up",
        "The content is known here as the other kind",
        remedy="Write video, post or live as it is known.",
    ),
    "currency_not_iso": Wording(
        "This is no currency",
        "A currency could not be read",
        "Not a code of ISO 4217, or one without a minor unit",
        remedy="Write three letters like EUR.",
    ),
    "amount_unreadable": Wording(
        "This is no exact amount",
        "An amount could not be read",
        "Not a plain decimal with at most the currency's decimals",
        remedy="Write digits like 12.34, with no more decimals than the currency has.",
    ),
    "amount_zero": Wording("Nothing is owed", "Nothing is owed", "The amount is zero", remedy="Leave the row out."),
    "balance_differs": Wording(
        "This balance was taken with another sum",
        "A balance from before differs",
        "Taken before under this key with another meaning: nothing is changed by a file",
        remedy="If the new sum is right, bring the difference in a row with a ref of its own.",
    ),
    "twice_in_file": Wording(
        "An earlier row says the same", "Said twice", "An earlier row of the file has the same key and meaning"
    ),
    "contradicts_row": Wording(
        "Two rows contradict each other",
        "Two rows of a file contradict each other",
        "Two rows with one key mean different things: neither is taken",
        remedy="Take the wrong one out and bring the file again.",
    ),
    "opening_balance": Wording(
        "Owed from the programme you had before",
        "Owed to you from before",
        "Opening entry of an import: its report names file and row",
    ),
}
