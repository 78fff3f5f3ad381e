"""What can be found wrong with an item, in the merchant's words and with what to do about it.

Refused: the item isn't written. Warning: it is, with less than the channel could show.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["refused", "warning"]


class Finding(msgspec.Struct, frozen=True):
    severity: Severity
    code: str  # of WORDS
    field: str = ""  # the channel's own name of it
    detail: str = ""


class Word(msgspec.Struct, frozen=True):
    title: str
    remedy: str


WORDS: dict[str, Word] = {
    "field_missing": Word("A field that the channel requires is empty", "Fill it in at the store."),
    "field_too_long": Word("A field is longer than the channel takes", "Shorten it at the store."),
    "value_unknown": Word("A value isn't one of those that the channel knows", "Correct it at the store."),
    "url_wrong": Word("An address isn't one that the channel can open", "Publish the product to the online store."),
    "image_missing": Word("It has no image", "Add an image of 600 × 600 pixels or more at the store."),
    "image_kind": Word(
        "Its image may not be of a kind that the channel takes", "Use JPEG or PNG for the product's first image."
    ),
    "price_wrong": Word("Its price isn't above zero", "Give it a price at the store."),
    "sale_price_wrong": Word(
        "Its sale price isn't below its price", "Correct price and compare-at price at the store."
    ),
    "currency_unknown": Word("Its currency has no price format", "Correct the store's currency."),
    "title_cut": Word("The title was cut at a word", "Shorten the title at the store."),
    "description_cut": Word("The description was cut at a word", "Shorten the description at the store."),
    "description_missing": Word("It has no description; its title stands in", "Describe the product at the store."),
    "text_cut": Word("A text was cut at a word", "Shorten it at the store."),
    "emoji_removed": Word("Emoji were taken out, since the channel refuses them", "Take them out at the store."),
    "promotion_removed": Word(
        "Promotional words were taken out, since the channel refuses them", "Take them out of the title at the store."
    ),
    "sign_removed": Word(
        "A sign at the beginning was taken out, since spreadsheets would calculate with it",
        "Begin the text with a letter or a digit at the store.",
    ),
    "gtin_missing": Word(
        "It has neither a GTIN nor a part number with a brand: the channel shows it less",
        "Enter the barcode at the store, if the product has one.",
    ),
    "gtin_invalid": Word("Its barcode isn't a valid GTIN and was left out", "Correct the barcode at the store."),
    "gtin_restricted": Word(
        "Its barcode is one for use inside a company and was left out", "Enter the maker's barcode at the store."
    ),
    "category_missing": Word("It has no category: the channel guesses one", "Choose a category at the store."),
    "category_unmapped": Word(
        "Its category isn't in the map to Google's: the channel guesses one", "Choose another category at the store."
    ),
    "category_broad": Word(
        "Its category was mapped by a broader one",
        "Nothing to do for you; whoever runs the connector can load the full map of categories.",
    ),
    "apparel_detail_missing": Word(
        "Clothing without colour, size, gender or age group is shown less",
        "Add the missing ones as product options at the store.",
    ),
    "backorder_undated": Word(
        "Sold beyond its stock; the channel asks for a date, so it is sent as in stock",
        "Nothing to do, unless you want it shown as sold out: then stop selling it at the store.",
    ),
    "date_missing": Word("The channel asks for a date with this availability", "Offer it when it is in stock."),
    "line_too_long": Word("A line of the file is longer than the channel takes", "Shorten the description."),
    "id_repeated": Word("Its id is in the file already", "Tell whoever runs the connector."),
}
