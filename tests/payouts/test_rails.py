"""Rails: golden files, what each refuses, the same batch gives the same file; SEPA against the scheme's own XSD."""

from __future__ import annotations

import csv
import io
import stat
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sepaxml
import xmlschema

from connector.earnings.payouts import hand_over
from connector.earnings.payouts.policy import Debtor
from connector.earnings.payouts.rails import BankFile, Head, MassPayment, Sepa, StripeTransfers, Transfer, defused
from connector.earnings.payouts.rails.mass_payment import MOST_ROWS
from connector.earnings.payouts.rails.sepa import SCHEMA, encoded
from connector.programme.creators.payees import Details
from tests.settlement.books import utc

MIRA = Details(name="Mira Ø. Müller", country="DE", iban="DE89370400440532013000", bic="COBADEFFXXX")
AMY = Details(name="=Amy", country="US", account="000123456789", routing="110000000", email="amy@example.org")
HEAD = Head("bat_01j8qq6jvd0000000000000000", utc("2026-12-02T09:30:00"))
ROW = Transfer("pay_01j8qq6jvd0000000000000001", "harbour.myshopify.com", "mira", 60000, "EUR", MIRA)
OTHER = Transfer("pay_01j8qq6jvd0000000000000002", "a_b.example", "amy", 5, "USD", AMY)
GOLDEN = Path(__file__).parent / "golden"
SEPA = Sepa(Debtor("Beispiel & Söhne GmbH", "DE02120300000000202051", "BYLADEM1001"))


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def test_the_bank_file() -> None:
    [(name, content)] = BankFile().files(HEAD, [ROW, OTHER])
    assert name == f"{HEAD.batch_id}.csv"
    assert content == (GOLDEN / "bank.csv").read_bytes()
    assert BankFile().files(HEAD, [ROW, OTHER]) == [(name, content)]


def test_the_mass_payment_file() -> None:
    made = MassPayment().files(HEAD, [OTHER, replace(OTHER, currency="JPY", amount=637)])
    assert [name for name, _ in made] == [f"{HEAD.batch_id}-JPY-1.csv", f"{HEAD.batch_id}-USD-1.csv"]
    assert made[1][1] == (GOLDEN / "mass.csv").read_bytes()
    assert rows(made[0][1])[0][1:3] == ["637", "JPY"]
    assert len(OTHER.payout_id) <= 30


def test_a_mass_payment_file_is_split_where_it_would_be_too_long() -> None:
    made = MassPayment().files(HEAD, [replace(OTHER, payout_id=f"pay_{n}") for n in range(MOST_ROWS + 1)])
    assert [len(rows(content)) for _, content in made] == [MOST_ROWS, 1]


def test_the_sepa_file_is_the_schemes() -> None:
    named = replace(ROW, amount=1, payee=Details(name="O'Neil/Łuk & Sons//", country="FR", iban=FRENCH))
    [(name, content)] = SEPA.files(HEAD, [ROW, replace(named, payout_id="pay_01j8qq6jvd0000000000000003")])
    assert name == f"{HEAD.batch_id}.xml"
    assert content == (GOLDEN / "sepa.xml").read_bytes()
    folder = Path(sepaxml.__file__).parent / "schemas"
    schema = xmlschema.XMLSchema(folder / f"{SCHEMA}.xsd")
    schema.validate(content.decode())
    told = schema.to_dict(content.decode())["CstmrCdtTrfInitn"]
    assert (told["GrpHdr"]["NbOfTxs"], str(told["GrpHdr"]["CtrlSum"])) == ("2", "600.01")
    assert told["GrpHdr"]["MsgId"] == HEAD.batch_id.replace("_", "-")
    bare = Sepa(Debtor("Beispiel", "DE02120300000000202051")).files(HEAD, [ROW])
    schema.validate(bare[0][1].decode())
    # The scheme asks for the debtor's bank even where its BIC isn't known; of a creditor's it wants nothing then.
    assert b"<DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt>" in bare[0][1]
    assert content.count(b"<CdtrAgt>") == 1
    broken = content.replace(b"<IBAN>DE89", b"<IBAN>??89")
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(broken.decode())


FRENCH = "FR1420041010050500013M02606"


def test_the_same_batch_gives_the_same_sepa_file_whenever_it_is_made() -> None:
    assert SEPA.files(HEAD, [ROW]) == SEPA.files(HEAD, [ROW])
    root = ElementTree.fromstring(SEPA.files(HEAD, [ROW])[0][1])
    texts = [node.text for node in root.iter() if node.text and node.text.strip()]
    assert "pay-01j8qq6jvd0000000000000001" in texts
    assert not [text for text in texts if "_" in text]
    assert SEPA.files(HEAD, []) == []


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Mira Ø. Müller", "Mira O. Muller"),
        ("Łukasz Żółć", "Lukasz Zolc"),
        ("Straße", "Strasse"),
        ("A & B", "A + B"),
        ("O’Neil", "O'Neil"),
        ("/a//b/", "a/b"),
        ("Zoe\u0301", "Zoe"),
        ("x" * 80, "x" * 70),
        ("玛丽", ""),
        ("Мира", ""),
        ("Mira 玛", ""),
        ("محمد", ""),
        ("😀", ""),
    ],
)
def test_a_name_is_written_in_the_schemes_letters_or_not_at_all(name: str, written: str) -> None:
    assert encoded(name) == written


@pytest.mark.parametrize(
    ("rail", "payee", "currency", "reason"),
    [
        (BankFile(), MIRA, "KWD", ""),
        (BankFile(), Details(name="x", country="DE", email="x@example.org"), "EUR", "payee_other_rail"),
        (SEPA, MIRA, "EUR", ""),
        (SEPA, MIRA, "USD", "currency_not_served"),
        (SEPA, AMY, "EUR", "payee_other_rail"),
        (SEPA, Details(name="x", country="AE", iban="AE070331234567890123456"), "EUR", "payee_other_rail"),
        (SEPA, Details(name="玛丽", country="DE", iban=MIRA.iban), "EUR", "name_not_encodable"),
        (MassPayment(), AMY, "USD", ""),
        (MassPayment(), MIRA, "EUR", "payee_other_rail"),
        (MassPayment(), AMY, "KWD", "currency_not_served"),
        (MassPayment(), AMY, "HUF", "currency_not_served"),
        (StripeTransfers("k"), AMY, "USD", "payee_other_rail"),
        (StripeTransfers("k"), Details(name="x", country="DE", stripe_account="acct_12345678"), "JPY", ""),
        (StripeTransfers("k"), Details(name="x", country="DE", stripe_account="acct_12345678"), "KWD",
         "currency_not_served"),
        (StripeTransfers("k"), Details(name="x", country="DE", stripe_account="acct_12345678"), "ISK",
         "currency_not_served"),
    ],
)  # fmt: skip
def test_what_a_rail_cant_pay_it_says_with_a_reason(rail, payee, currency, reason) -> None:  # type: ignore[no-untyped-def]
    assert rail.refuses(payee, currency) == reason


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_cell_that_begins_a_formula_is_text(cell: str) -> None:
    row = replace(ROW, creator=cell, payee=Details(name=cell, country="DE", iban=MIRA.iban))
    assert rows(BankFile().files(HEAD, [row])[0][1])[1][1:3] == [f"'{cell}", f"'{cell}"]
    assert defused("plain") == "plain"


def test_files_are_their_owners_alone_and_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "payouts"
    for _ in range(2):
        [path] = hand_over.write(folder, [("one.csv", b"a,b\r\n")])
        assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"a,b\r\n", 0o600)
    with pytest.raises(TypeError):
        hand_over.write(folder, [("two.csv", "no bytes")])  # type: ignore[list-item]
    assert [found.name for found in folder.iterdir()] == ["one.csv"]
