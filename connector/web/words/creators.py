"""Taking part: why a creator may not add anything new, and what is flagged about their counts."""

from __future__ import annotations

from connector.web.words.wording import Wording

# Why a product that they show can't be bought, in a creator's words; for the merchant the catalog has its own.
NOT_SOLD = {
    "deleted": "The shop took it away",
    "shop_left": "The shop has left",
    "refused": "The shop's data of it could not be read",
    "syncing": "It is being read for the first time",
    "against_rules": "A rule of the programme keeps it out",
    "draft": "The shop has not published it",
    "archived": "The shop has put it away",
    "unlisted": "The shop hides it from its own list",
    "not_published": "The shop has not published it",
    "gift_card": "Gift cards earn no commission",
    "no_variants": "The shop has nothing of it to buy",
    "no_price": "The shop has given it no price",
    "sold_out": "Sold out; it comes back by itself when the shop has it again",
}
REASONS: dict[str, Wording] = {
    "age_unknown": Wording(
        "The app has not told us how old this creator is",
        "The app has not told us your birth date",
        "No birth date was sent with the sign-up",
    ),
    "under_age": Wording(
        "This creator is too young for the programme",
        "You are not old enough for the programme yet",
        "Below the policy's minimum age on the day of the decision",
    ),
    "country_closed": Wording(
        "The programme is off in this creator's country",
        "The programme is off in your country",
        "The country of the creator was switched off at the decision",
    ),
    "too_few_followers": Wording(
        "This creator has too few followers to take part",
        "You have too few followers to add products; what you promote already goes on",
        "Fewer followers than the policy's threshold; past earnings stay",
    ),
    "followers_jumped": Wording(
        "This creator's follower count jumped, and is not believed yet",
        "Your follower count jumped; it counts when it has stood for a week",
        "The count grew faster than the policy believes; looked at again by itself",
    ),
}
