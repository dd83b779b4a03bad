"""The reference case of data maps: the ten tables of the web shop Shuup, as K9db annotates them.

Names and rows are those of K9db's own test; schema, map and expectations are written anew for
SQLite and PostgreSQL. People are contacts, companies are contacts too, and only people count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.builders import draft
from troth.core.policy import Necessity, Policy, PurposeId, frozen

SCHEMA = """
CREATE TABLE auth_user (id INTEGER NOT NULL, username TEXT, password TEXT,
  CONSTRAINT pk_user PRIMARY KEY (id));
CREATE TABLE shuup_contact (id INTEGER NOT NULL, name TEXT, email TEXT,
  CONSTRAINT pk_contact PRIMARY KEY (id));
CREATE TABLE shuup_personcontact (pid INTEGER NOT NULL, contact_ptr_id INTEGER NOT NULL UNIQUE,
  user_id INTEGER NOT NULL UNIQUE, name TEXT, email TEXT,
  CONSTRAINT pk_person PRIMARY KEY (pid),
  FOREIGN KEY (contact_ptr_id) REFERENCES shuup_contact (id),
  FOREIGN KEY (user_id) REFERENCES auth_user (id));
CREATE TABLE shuup_companycontact (contact_ptr_id INTEGER NOT NULL, tax_number INTEGER,
  CONSTRAINT pk_company PRIMARY KEY (contact_ptr_id),
  FOREIGN KEY (contact_ptr_id) REFERENCES shuup_contact (id));
CREATE TABLE shuup_companycontact_members (id INTEGER NOT NULL,
  companycontact_id INTEGER NOT NULL, contact_id INTEGER NOT NULL,
  CONSTRAINT pk_member PRIMARY KEY (id),
  FOREIGN KEY (companycontact_id) REFERENCES shuup_companycontact (contact_ptr_id),
  FOREIGN KEY (contact_id) REFERENCES shuup_personcontact (pid));
CREATE TABLE shuup_shop (id INTEGER NOT NULL, owner_id INTEGER NOT NULL,
  CONSTRAINT pk_shop PRIMARY KEY (id),
  FOREIGN KEY (owner_id) REFERENCES shuup_personcontact (pid));
CREATE TABLE shuup_gdpr_gdpruserconsent (id INTEGER NOT NULL, created_on TEXT,
  shop_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
  CONSTRAINT pk_consent PRIMARY KEY (id),
  FOREIGN KEY (shop_id) REFERENCES shuup_shop (id),
  FOREIGN KEY (user_id) REFERENCES auth_user (id));
CREATE TABLE shuup_mutaddress (id INTEGER NOT NULL, tax_number INTEGER, user_id INTEGER,
  CONSTRAINT pk_address PRIMARY KEY (id),
  FOREIGN KEY (user_id) REFERENCES auth_user (id));
CREATE TABLE shuup_basket (id INTEGER NOT NULL, creator_id INTEGER, customer_id INTEGER NOT NULL,
  orderer_id INTEGER, shop_id INTEGER,
  CONSTRAINT pk_basket PRIMARY KEY (id),
  FOREIGN KEY (creator_id) REFERENCES auth_user (id),
  FOREIGN KEY (customer_id) REFERENCES shuup_personcontact (pid),
  FOREIGN KEY (orderer_id) REFERENCES shuup_personcontact (pid));
CREATE TABLE shuup_order (id INTEGER NOT NULL, creator_id INTEGER NOT NULL,
  customer_id INTEGER NOT NULL, modified_by_id INTEGER, shop_id INTEGER, orderer_id INTEGER,
  account_manager_id INTEGER, billing_address_id INTEGER UNIQUE,
  CONSTRAINT pk_order PRIMARY KEY (id),
  FOREIGN KEY (creator_id) REFERENCES auth_user (id),
  FOREIGN KEY (customer_id) REFERENCES shuup_contact (id),
  FOREIGN KEY (modified_by_id) REFERENCES auth_user (id),
  FOREIGN KEY (shop_id) REFERENCES shuup_shop (id),
  FOREIGN KEY (orderer_id) REFERENCES shuup_personcontact (pid),
  FOREIGN KEY (account_manager_id) REFERENCES shuup_personcontact (pid),
  FOREIGN KEY (billing_address_id) REFERENCES shuup_mutaddress (id));
CREATE INDEX ix_shop_owner ON shuup_shop (owner_id);
CREATE INDEX ix_consent_user ON shuup_gdpr_gdpruserconsent (user_id);
CREATE INDEX ix_basket_customer ON shuup_basket (customer_id);
CREATE INDEX ix_order_customer ON shuup_order (customer_id);
"""

ROWS = """
INSERT INTO shuup_contact VALUES (6, 'Alice', 'alice@shop.example');
INSERT INTO auth_user VALUES (15, 'Alice', 'secure');
INSERT INTO shuup_personcontact VALUES (1, 6, 15, 'Alice', 'alice@shop.example');
INSERT INTO shuup_contact VALUES (7, 'Joe', 'joe@shop.example');
INSERT INTO auth_user VALUES (16, 'Joe', 'insecure');
INSERT INTO shuup_personcontact VALUES (2, 7, 16, 'Joe', 'joe@shop.example');
INSERT INTO shuup_contact VALUES (8, 'Company A', 'company@shop.example');
INSERT INTO shuup_companycontact VALUES (8, 666);
INSERT INTO shuup_companycontact_members VALUES (1, 8, 1);
INSERT INTO shuup_shop VALUES (1, 1);
INSERT INTO shuup_gdpr_gdpruserconsent VALUES (1, '2020-12-30 00:00:00', 1, 15);
INSERT INTO shuup_mutaddress VALUES (71, 6666, 15);
INSERT INTO shuup_order VALUES (1, 15, 6, 15, 1, 1, 2, 71);
INSERT INTO shuup_basket VALUES (1, 15, 1, 2, 1);
"""

KEYS: Mapping[str, str] = {
    "auth_user": "id",
    "shuup_contact": "id",
    "shuup_personcontact": "pid",
    "shuup_companycontact": "contact_ptr_id",
    "shuup_companycontact_members": "id",
    "shuup_shop": "id",
    "shuup_gdpr_gdpruserconsent": "id",
    "shuup_mutaddress": "id",
    "shuup_basket": "id",
    "shuup_order": "id",
}

MAP = """\
stores:
  shuup:
    engine: [sqlite, postgresql]
    storage: shop_db
    tables:
      auth_user:
        about: person
        key: id
        on_erase: delete
        columns: {username: account_name, password: account_name}
      shuup_contact:
        about: both
        key: id
        on_erase: delete
        columns: {name: contact_data, email: contact_data}
      shuup_personcontact:
        about: person
        key: pid
        person: pid
        edges:
          contact_ptr_id: owns shuup_contact.id
          user_id: owns auth_user.id
        on_erase: delete
        columns: {name: contact_data, email: contact_data}
      shuup_companycontact:
        about: company
        key: contact_ptr_id
        edges: {contact_ptr_id: shallow shuup_contact.id}
        columns: [tax_number]
      shuup_companycontact_members:
        about: company
        key: id
        edges:
          companycontact_id: shallow shuup_companycontact.contact_ptr_id
          contact_id: accessed_by shuup_personcontact.pid
        on_leaving: {contact_id: delete_row}
      shuup_shop:
        about: person
        key: id
        edges: {owner_id: owned_by shuup_personcontact.pid}
        on_erase: delete
      shuup_gdpr_gdpruserconsent:
        about: person
        key: id
        edges:
          shop_id: shallow shuup_shop.id
          user_id: owned_by auth_user.id
        on_erase: delete
        columns: {created_on: consent}
      shuup_mutaddress:
        about: person
        key: id
        edges: {user_id: accessed_by auth_user.id}
        on_erase: delete
        columns: {tax_number: contact_data}
      shuup_basket:
        about: person
        key: id
        edges:
          creator_id: shallow auth_user.id
          customer_id: owned_by shuup_personcontact.pid
          orderer_id: accessed_by shuup_personcontact.pid
        on_erase: delete
        columns: {shop_id: orders}
      shuup_order:
        about: person
        key: id
        edges:
          creator_id: owned_by auth_user.id
          customer_id: owned_by shuup_contact.id
          billing_address_id: owns shuup_mutaddress.id
          modified_by_id: accessed_by auth_user.id
          orderer_id: accessed_by shuup_personcontact.pid
          account_manager_id: accessed_by shuup_personcontact.pid
          shop_id: accessed_by shuup_shop.id
        several_owners: any
        via: customer_id
        on_erase: delete
        columns: {shop_id: orders}
"""


def policy() -> Policy:
    """Return a policy with the categories of the map, all granted to one purpose."""
    base = draft().policy()
    kind = base.categories["orders"]
    names = ("account_name", "contact_data", "consent", "orders")
    purpose = base.purposes[PurposeId("keep_account")]
    granted = replace(purpose, categories=frozen(dict.fromkeys(names, Necessity.NECESSARY)))
    return replace(
        base,
        categories=frozen({name: replace(kind, id=name) for name in names}),
        purposes=frozen({granted.id: granted}),
    )
