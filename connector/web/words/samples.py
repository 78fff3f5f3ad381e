"""Samples: why one can't be asked for or moved, what the store said, how one ended."""

from __future__ import annotations

from connector.web.words.wording import Wording

_LATER = "Nothing to do: it is asked for again by itself."

REASONS: dict[str, Wording] = {
    # A move that comes to nothing
    "sample_over": Wording("This sample is over", "This sample is over", "The sample had ended before the act"),
    "not_asked": Wording(
        "No request waits for an answer here",
        "No request waits for an answer here",
        "Approve or decline came for a sample that isn't requested",
    ),
    "answer_late": Wording(
        "The time to answer has passed",
        "The shop's time to answer has passed",
        "The answer came at or after its deadline",
        remedy="The creator may ask again later.",
    ),
    "not_granted": Wording(
        "No agreement promised this one",
        "No agreement promised this one",
        "Only a sample that an agreement promised is taken up",
    ),
    "take_up_late": Wording(
        "The agreement has ended", "The agreement has ended", "It was taken up at or after the agreement's end"
    ),
    "already_shipped": Wording(
        "It is on its way already",
        "It is on its way already",
        "The act is possible before shipping only",
    ),
    "not_approved": Wording("It isn't approved", "The shop hasn't approved it", "The act needs an approved sample"),
    "already_ordered": Wording(
        "There is an order of it already", "There is an order of it already", "The sample has an order already"
    ),
    "being_placed": Wording(
        "The order is being placed at your store, and its answer isn't known yet",
        "The order is being placed, and the store's answer isn't known yet",
        "The outcome of the last call is unknown; the next try looks for the order first",
        remedy=_LATER,
    ),
    "being_ended": Wording(
        "It is being called off at your store",
        "It is being called off at the store",
        "An end waits for the store's word",
        remedy=_LATER,
    ),
    "not_refundable": Wording(
        "Only a refundable sample is bought by the creator",
        "Only a refundable sample is bought by you",
        "The act goes with refundable samples",
    ),
    "creator_buys": Wording(
        "A refundable sample isn't sent: the creator buys it",
        "You buy a refundable sample yourself",
        "A refundable sample has no order of ours",
    ),
    "creator_bought": Wording(
        "The creator has bought it: it ends with that order in your store, or you doubt that it is theirs",
        "You bought it: the shop can only cancel your order itself",
        "A shop can't call off a refundable sample that was bought; support can",
    ),
    "send_late": Wording(
        "The time to send it has passed", "The time to buy it has passed", "The act came at or after its deadline"
    ),
    "not_shipped": Wording("It isn't on its way yet", "It isn't on its way yet", "The sample isn't shipped"),
    "not_delivered": Wording(
        "Content is due only once it has arrived",
        "Content is due only once it has arrived",
        "An extension was asked for before delivery",
    ),
    "extended_already": Wording(
        "The one extension was given", "You had the one extension", "The extension was used already"
    ),
    "content_late": Wording(
        "The time for content has passed", "The time for content has passed", "The act came at or after the deadline"
    ),
    "not_missed": Wording(
        "There is nothing to appeal against", "There is nothing to appeal against", "Only a missed sample is appealed"
    ),
    "appealed_already": Wording("The one appeal was made", "You made the one appeal", "The appeal was used already"),
    "appeal_late": Wording(
        "The time to appeal has passed", "The time to appeal has passed", "The appeal came at or after its deadline"
    ),
    "not_appealed": Wording(
        "There is no appeal to decide", "There is no appeal to decide", "The sample isn't under appeal"
    ),
    "address_fixed": Wording(
        "The address can't be changed any more",
        "The address can be changed only until the order is placed",
        "An address came after the order was placed",
    ),
    # A request that can't be made
    "creator_not_eligible": Wording(
        "The creator can take up nothing new now",
        "You can take up nothing new now",
        "The newest eligibility decision holds or refuses the creator, or the account isn't active",
    ),
    "shop_not_connected": Wording(
        "Your store isn't connected",
        "The shop isn't connected right now",
        "The shop's status isn't connected",
        remedy="Connect the store again.",
    ),
    "product_unknown": Wording(
        "There is no such product", "There is no such product", "The listing is gone or unknown"
    ),
    "product_refused": Wording(
        "The rules keep this product out", "This product can't be promoted", "The listing is refused by a rule"
    ),
    "product_not_sold": Wording(
        "This product isn't for sale", "This product isn't for sale right now", "The listing isn't shoppable"
    ),
    "product_sold_out": Wording(
        "This product is out of stock", "This product is out of stock", "No variant of the listing is in stock"
    ),
    "product_not_open": Wording(
        "This product isn't open to creators",
        "The shop hasn't opened this product to you",
        "No terms stand for creator and product",
        remedy="Open the product at a rate first.",
    ),
    "product_not_agreed": Wording(
        "The agreement isn't about this product",
        "The agreement isn't about this product",
        "The product isn't among those of the agreement",
    ),
    "not_offered": Wording(
        "You give no samples of this kind for this product",
        "The shop gives no samples of this kind for this product",
        "No sample offer of that kind covers the product",
    ),
    "none_left_this_month": Wording(
        "All samples of this month are given",
        "The shop has given all samples of this product for this month",
        "The offer's number for the month is used up",
        remedy="Raise the number, or wait for the next month.",
    ),
    "variant_unknown": Wording(
        "There is no such variant", "There is no such variant", "The variant is gone or unknown"
    ),
    "variant_sold_out": Wording(
        "This variant is out of stock", "This variant is out of stock", "The variant isn't available"
    ),
    "variant_not_shipped": Wording(
        "This item isn't shipped", "This item isn't shipped, so there is no sample", "The variant needs no shipping"
    ),
    "have_one": Wording(
        "The creator has a sample of this product",
        "You have, or had, a sample of this product: one of each",
        "A sample of the product is open or fulfilled",
    ),
    "retry_later": Wording(
        "The creator asked for this product not long ago",
        "You asked for this product not long ago",
        "An earlier request came to nothing less than the policy's days ago",
        creator_exact="You can ask for this product again from {until} on",
    ),
    "limit_reached": Wording(
        "The creator has as many samples open as they may",
        "You have as many samples open as you may at once",
        "The open samples reach the limit by net sales in the app",
    ),
    # The creator's purchase
    "order_unknown": Wording(
        "There is no such order",
        "The shop has no such order yet; a new one may take some minutes to arrive here",
        "No order of the shop has that number or reference",
    ),
    "order_taken": Wording(
        "This order was named for another sample",
        "This order was named for another sample",
        "Another sample holds the order",
    ),
    "order_is_none": Wording(
        "This is a test order or a sample order",
        "This is a test order or a sample order",
        "The order is a test, a draft or a sample",
    ),
    "order_not_named": Wording(
        "The creator hasn't named an order", "You haven't named your order", "The sample has no order yet"
    ),
    "order_confirmed": Wording(
        "It is confirmed that the creator bought it",
        "The order is confirmed as yours",
        "The order was confirmed before",
    ),
    "order_awaited": Wording(
        "You have still to say whether the order is the creator's",
        "The shop has still to say whether the order is yours",
        "Another order is named only once the shop doubts the first",
    ),
    "order_doubted": Wording(
        "You doubt that the order is the creator's",
        "The shop doubts that this order is yours; name another one",
        "The shop doubts the named order; support may confirm it",
    ),
    "order_unanswered": Wording(
        "You didn't say in time whether the order is the creator's, so support does",
        "The shop didn't say in time whether your order is yours, so support does",
        "Neither confirmed nor doubted within the days to answer: support says whose it is",
    ),
    "order_called_off": Wording("This order was cancelled", "This order was cancelled", "The order is cancelled"),
    "order_before_approval": Wording(
        "This order is older than your approval",
        "This order is older than the shop's approval",
        "The order was placed before the approval",
    ),
    "order_without_item": Wording(
        "The product isn't in this order", "The product isn't in this order", "No line of the order has the product"
    ),
    "order_in_other_currency": Wording(
        "This order is in another currency",
        "This order is in another currency than was agreed",
        "Order and agreement differ in currency",
    ),
    # Content
    "content_unknown": Wording(
        "The creator has no such content", "You have no such content here", "No content of the creator has that id"
    ),
    "content_without_product": Wording(
        "The product isn't in this content",
        "The product isn't in this content: add it first",
        "No anchor of the product is in the content",
    ),
    "content_too_old": Wording(
        "This content is older than the sample",
        "This content is older than the sample",
        "The content was known before the approval",
    ),
    "content_too_many": Wording(
        "No more content can be named for it",
        "As much content is named for this sample as may be",
        "The most contents are named for the sample",
    ),
    # Placing the order
    "store_limits_us": Wording(
        "Your store takes no more calls right now",
        "The order is being placed",
        "The platform's limit is reached",
        remedy=_LATER,
    ),
    "store_down": Wording(
        "Your store didn't answer", "The order is being placed", "The platform can't be reached", remedy=_LATER
    ),
    "store_unclear": Wording(
        "Your store's answer couldn't be read",
        "The order is being placed",
        "The answer could not be read; whether there is an order is asked for",
        remedy=_LATER,
    ),
    "store_refused": Wording(
        "Your store refused the order",
        "The store refused the order",
        "The platform refused the sample order",
        remedy="Change what it names, try again, or send it by hand.",
    ),
    "address_gone": Wording(
        "There is no address any more",
        "Your address is needed again",
        "The sealed address was dropped before the order was placed",
    ),
    # How it came to stand so
    "shop_declined": Wording("You declined it", "The shop declined it", "The shop declined the request"),
    "shop_cancelled": Wording("You cancelled it", "The shop cancelled it", "The shop cancelled it before shipping"),
    "not_answered": Wording("You didn't answer in time", "The shop didn't answer in time", "No answer by the deadline"),
    "not_taken_up": Wording(
        "The creator didn't take it up", "You didn't take it up in time", "The promise wasn't taken up in time"
    ),
    "not_sent": Wording("You didn't send it in time", "The shop didn't send it in time", "Not sent by the deadline"),
    "not_bought": Wording(
        "The creator didn't buy it in time", "You didn't name your order in time", "No order was named by the deadline"
    ),
    "no_content": Wording("No content came in time", "No content came in time", "No content counted by the deadline"),
    "cancelled_at_store": Wording(
        "The order was cancelled at your store",
        "The order was cancelled at the store",
        "The newest snapshot says cancelled",
    ),
    "deleted_at_store": Wording(
        "The order was deleted at your store", "The order was deleted at the store", "The order is gone at the store"
    ),
    "withdrawn_at_store": Wording(
        "The creator withdrew it", "You withdrew it", "Withdrawn; the store cancelled the order"
    ),
    "on_its_way": Wording(
        "It was shipped before it could be called off",
        "It was shipped before it could be called off",
        "The store says that the order is on its way: it goes on",
    ),
    "not_promised_any_more": Wording(
        "The agreement was changed: it promises no sample any more",
        "The agreement was changed: it promises no sample any more",
        "A later version of the agreement has no sample",
    ),
    "appeal_fulfilled": Wording(
        "Support found that the content counts", "Support found that your content counts", "The appeal was granted"
    ),
    "appeal_excused": Wording(
        "Support excused it: it counts for nothing",
        "Support excused it: it counts for nothing",
        "The appeal ended as excused",
    ),
    "appeal_missed": Wording(
        "Support found that it stays missed", "Support found that it stays missed", "The appeal was turned down"
    ),
    "creator_erased": Wording(
        "The creator's account was erased", "Your account was erased", "The creator was erased while it was open"
    ),
}
