"""Vouchers: pictures of a transfer, taken in only with separate consent (PIPL 28, 29).

A voucher is a file and a row. In this order, so that a crash at any point leaves no half:

1. The picture is made anew in memory (`voucher_picture`); a refused file never touches the disk.
2. The new picture is sealed under the person's key, written beside its name, flushed to the disk,
   renamed, its folder flushed. No picture lies on the disk that can be looked at.
3. The rest of the same block writes the row and puts the order up for checking.

A crash before 3 leaves a file that no row names: `sweep_vouchers` removes it once it is old enough
that no upload can still be at work on it. A row without its file cannot come to be. Removing goes
the other way: the row first, then the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from troth import SealError, Troth
from troth.integrations.sqlalchemy import open_file, seal_file
from troth_shop import queries
from troth_shop.errors import ImageBroken, NotFound, WrongState
from troth_shop.gate import CHECKING, finds_one, now, permit, taken, use
from troth_shop.order_states import OrderState, Step
from troth_shop.orders import step_order
from troth_shop.payments import VoucherRow, submit, voucher_from
from troth_shop.voucher_picture import clean

AT_WORK_SECONDS = 15 * 60
"""A file younger than this may belong to an upload that has not committed yet."""


PLACE = "pictures.picture"
"""What the data map calls the pictures."""

SEALED = ".sealed"
"""How the name of a stored picture ends; before it stands the id of its row."""

MOST_PER_ORDER = 5
"""Vouchers of one order; who has more to show writes to customer service."""


class Via(StrEnum):
    """The device purpose through which the file came; it must stand too."""

    CHOOSE_FILE = "choose_file"
    PHOTOGRAPH = "photograph_voucher"


def store_voucher(
    t: Troth, folder: Path, person: str, order_id: str, *, content: bytes, via: Via
) -> VoucherRow:
    """Take in a voucher for an order and put the order up for checking.

    The same picture sent twice is stored once. A chosen file counts as one use; a photograph was
    counted when the camera opened.

    Args:
        t: the engine.
        folder: where the pictures lie; made if missing.
        person: who pays.
        order_id: for which order.
        content: the file as it was sent.
        via: how it came.

    Raises:
        NotPermitted: without separate consent, or with the device purpose refused.
        NotFound: there is no such order of this person.
        WrongState: the order is not paid by transfer, or is being checked or paid already.
        FileRefused: the file is not accepted; nothing was stored.
    """
    permit(t, person, "check_voucher", via.value, "take_payment")
    found = finds_one(t, "shop_order", "order_id", order_id)
    if found is None or found.person != person:
        raise NotFound
    picture = clean(content)
    digest = hashlib.sha256(picture).hexdigest()
    row = VoucherRow(secrets.token_hex(16), len(picture), now(t))
    path = folder / f"{row.voucher_id}{SEALED}"
    try:
        with use(t, person, *CHECKING, writes=True) as c:
            # Before the first statement: SQLite's one write lock does not wait for the disk.
            _write(folder, row.voucher_id, seal_file(c, PLACE, row.voucher_id, picture))
            submit(t, c, person, order_id)
            if len(queries.vouchers_of(c, [order_id])) >= MOST_PER_ORDER:
                raise WrongState(OrderState.AWAITING_CHECK.value)
            queries.add_voucher(
                c,
                voucher_id=row.voucher_id,
                order_id=order_id,
                pii_principal_id=person,
                size_bytes=row.size_bytes,
                digest=digest,
                created_at=row.created_at,
            )
    except IntegrityError as error:
        path.unlink(missing_ok=True)
        if not taken(error):
            raise
        with use(t, person, "take_payment") as c:
            rows = queries.vouchers_of(c, [order_id])
        return voucher_from(next(twin for twin in rows if twin.digest == digest))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if via is Via.CHOOSE_FILE:
        t.count_use(person, via.value)
    return row


def read_voucher(
    t: Troth, folder: Path, person: str, voucher_id: str, *, order_id: str = ""
) -> bytes:
    """Return the JPEG of a voucher to the person who sent it.

    Args:
        t: the engine.
        folder: where the pictures lie.
        person: who asks.
        voucher_id: which.
        order_id: the order that it must belong to; empty for any of the person's.

    Raises:
        NotFound: there is no such voucher of this person.
        ImageBroken: the file is not the one that was stored.
    """
    with use(t, person, "check_voucher") as c:
        row = queries.voucher_of(c, voucher_id)
        if row is None or order_id not in ("", row.order_id):
            raise NotFound
        return picture_of(c, folder, voucher_id, row.digest)


def picture_of(c: Connection, folder: Path, voucher_id: str, digest: str) -> bytes:
    """Return a stored picture in a use of its person, if it is what its row says (S-13).

    Raises:
        ImageBroken: it is missing, was changed, or its person's key is gone.
    """
    try:
        stored = (folder / f"{voucher_id}{SEALED}").read_bytes()
        picture = open_file(c, PLACE, voucher_id, stored)
    except (FileNotFoundError, SealError):
        raise ImageBroken from None
    if hashlib.sha256(picture).hexdigest() != digest:
        raise ImageBroken
    return picture


def remove_voucher(t: Troth, folder: Path, person: str, voucher_id: str) -> None:
    """Remove a voucher; an order that was up for checking by it alone can be paid another way.

    It stands on the payment, not on the consent, so that it works after a withdrawal.

    Raises:
        NotFound: there is no such voucher of this person.
    """
    with use(t, person, "take_payment", writes=True) as c:
        row = queries.voucher_of(c, voucher_id)
        if row is None:
            raise NotFound
        # Locks in the order of every other flow: the order, then what hangs on it.
        order = queries.lock_order(c, person, row.order_id)
        queries.drop_voucher(c, voucher_id)
        payment = queries.payment_of(c, person, row.order_id)
        proved = payment is not None and payment.reference
        left = queries.vouchers_of(c, [row.order_id])
        if order is not None and order.state == OrderState.AWAITING_CHECK and not (proved or left):
            with contextlib.suppress(WrongState):
                step_order(t, c, person, row.order_id, Step.TAKE_BACK_PAYMENT)
                queries.set_payment(c, row.order_id, submitted_at=None)
    (folder / f"{voucher_id}{SEALED}").unlink(missing_ok=True)


def sweep_vouchers(t: Troth, folder: Path) -> int:
    """Remove files that no row names and that no upload can still be at work on; return how many.

    Raises:
        StoreUnavailable: the rows cannot be read; then nothing is removed.
    """
    if not folder.is_dir():
        return 0
    before = time.time() - AT_WORK_SECONDS
    old = [p for p in folder.iterdir() if p.suffix in (SEALED, ".part") and _older(p, before)]
    orphans = [
        path
        for path in old
        if path.suffix == ".part" or finds_one(t, "shop_voucher", "voucher_id", path.stem) is None
    ]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def _older(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:
        return False


def _write(folder: Path, voucher_id: str, sealed: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, part = folder / f"{voucher_id}{SEALED}", folder / f"{voucher_id}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    # A rename is on the disk only when the folder is.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
