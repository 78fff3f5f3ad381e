"""SEPA credit transfers as ISO 20022 `pain.001.001.09`, written by the sepaxml library. Euro and IBANs only.

The library makes ids at random and stamps the present time; a hand-over that is repeated has to give the same file, so
that a bank knows it again by its message id. They are set here afterwards, from the batch. What goes into a file is
checked row by row before (`refuses`); whole files are held against the scheme's own XSD in the tests.
Source: the European Payments Council's implementation guidelines for SEPA credit transfers, on characters, lengths and
slashes, as banks repeat them; read 2026-11.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC
from xml.etree import ElementTree

from sepaxml import SepaTransfer
from text_unidecode import unidecode

from connector.earnings.payouts.policy import Debtor
from connector.earnings.payouts.rails.contract import Head, Transfer
from connector.programme.creators.payees import Details

SCHEMA = "pain.001.001.09"
_NAMESPACE = f"urn:iso:std:iso:20022:tech:xsd:{SCHEMA}"
_LONGEST_NAME = 70
_FOREIGN = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")
# Countries whose banks are in the scheme, as IBANs begin; a country that joins it is added here.
# Source: the European Payments Council's list of SEPA countries, as of 2026.
_REACHED = (
    "AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS "
    "SE SI SK SM VA"
)
REACHED = frozenset(_REACHED.split(" "))


class Sepa:
    slug = "sepa"

    def __init__(self, debtor: Debtor) -> None:
        self.debtor = debtor

    def refuses(self, payee: Details, currency: str) -> str:
        if currency != "EUR":
            return "currency_not_served"
        if not payee.iban or payee.iban[:2] not in REACHED:
            return "payee_other_rail"
        return "" if encoded(payee.name) else "name_not_encodable"

    def files(self, head: Head, transfers: Sequence[Transfer]) -> list[tuple[str, bytes]]:
        config = {"name": encoded(self.debtor.name) or "Connector", "IBAN": self.debtor.iban, "batch": True,
                  "currency": "EUR"}  # fmt: skip
        if self.debtor.bic:
            config["BIC"] = self.debtor.bic
        document = SepaTransfer(config, schema=SCHEMA, clean=False)
        day = head.handed_at.astimezone(UTC).date()
        for transfer in transfers:
            payment = {
                "name": encoded(transfer.payee.name), "IBAN": transfer.payee.iban, "amount": transfer.amount,
                "execution_date": day, "description": _FOREIGN.sub(" ", f"Commission {transfer.shop}")[:140],
                "endtoend_id": reference(transfer.payout_id),
            }  # fmt: skip
            if transfer.payee.bic:
                payment["BIC"] = transfer.payee.bic
            document.add_payment(payment)
        if not transfers:
            return []
        return [(f"{head.batch_id}.xml", _settled(document.export(validate=False), head))]


def encoded(name: str) -> str:
    """A holder's name in the characters that every bank of the scheme takes; "" when that would be a guess.

    Letters of the Latin script lose their marks (Łukasz Müller is Lukasz Muller). A name in another script can be
    written in several ways, and banks compare it with the account: its owner has to say which.
    """
    composed = unicodedata.normalize("NFC", name)
    if any(char.isalpha() and "LATIN" not in unicodedata.name(char, "") for char in composed):
        return ""
    plain = _FOREIGN.sub(" ", unidecode(composed.replace("&", "+")))
    text = " ".join(plain.split())[:_LONGEST_NAME].strip()
    # The scheme takes neither a slash at either end nor two in a row.
    text = re.sub(r"/{2,}", "/", text).strip("/ ")
    return text if any(char.isalnum() for char in text) else ""


def reference(our_id: str) -> str:
    """One of our ids in the scheme's characters, which have no underscore."""
    return our_id.replace("_", "-")


def _settled(xml: bytes, head: Head) -> bytes:
    """The library's document with ids and times that are the batch's own."""
    root = ElementTree.fromstring(xml)  # noqa: S314  # we wrote it a moment ago
    at = {"p": _NAMESPACE}
    for path, text in (
        ("p:CstmrCdtTrfInitn/p:GrpHdr/p:MsgId", reference(head.batch_id)),
        ("p:CstmrCdtTrfInitn/p:GrpHdr/p:CreDtTm", f"{head.handed_at:%Y-%m-%dT%H:%M:%S}"),
        ("p:CstmrCdtTrfInitn/p:PmtInf/p:PmtInfId", f"{reference(head.batch_id)}-1"),
    ):
        for node in root.iterfind(path, at):
            node.text = text
    # The library leaves the debtor's bank empty where its BIC isn't given: the scheme wants it said, and of creditors'
    # banks nothing at all.
    for bank in root.iterfind("p:CstmrCdtTrfInitn/p:PmtInf/p:DbtrAgt/p:FinInstnId", at):
        if not len(bank):
            other = ElementTree.SubElement(bank, f"{{{_NAMESPACE}}}Othr")
            ElementTree.SubElement(other, f"{{{_NAMESPACE}}}Id").text = "NOTPROVIDED"
    ElementTree.register_namespace("", _NAMESPACE)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
