"""Vouchers: pictures of a transfer, taken in only with separate consent (PIPL 28, 29).

A voucher is a file and a row. In this order, so that a crash at any point leaves no half:

1. The picture is made anew in memory (`voucher_picture`); a refused file never touches the disk.
2. The new file is written beside its name, flushed to the disk, renamed, its folder flushed.
3. One transaction writes the row and puts the order up for checking.

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

from sqlalchemy.exc import IntegrityError

from troth import Troth
from troth_shop import queries
from troth_shop.errors import ImageBroken, NotFound, WrongState
from troth_shop.gate import now, permit
from troth_shop.order_states import OrderState, PayBy, Step, after
from troth_shop.orders import step_order
from troth_shop.payments import VoucherRow, submit, voucher_from
from troth_shop.voucher_picture import clean

AT_WORK_SECONDS = 15 * 60
"""A file younger than this may belong to an upload that has not committed yet."""


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
    with t.reading() as c:
        row = queries.order_of(c, person, order_id)
    if row is None:
        raise NotFound
    after(OrderState(row.state), Step.SUBMIT_PAYMENT, PayBy(row.pay_by))
    picture = clean(content)
    digest = hashlib.sha256(picture).hexdigest()
    voucher_id = secrets.token_hex(16)
    path = _write(folder, voucher_id, picture)
    try:
        with t.transaction() as c:
            submit(t, c, person, order_id)
            if len(queries.vouchers_of(c, [order_id])) >= MOST_PER_ORDER:
                raise WrongState(row.state)
            queries.add_voucher(
                c,
                voucher_id=voucher_id,
                order_id=order_id,
                pii_principal_id=person,
                size_bytes=len(picture),
                digest=digest,
                created_at=now(t),
            )
    except IntegrityError:
        path.unlink(missing_ok=True)
        with t.reading() as c:
            twin = next(r for r in queries.vouchers_of(c, [order_id]) if r.digest == digest)
        return voucher_from(twin)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if via is Via.CHOOSE_FILE:
        t.count_use(person, via.value)
    return VoucherRow(voucher_id, len(picture), now(t))


def read_voucher(t: Troth, folder: Path, person: str, voucher_id: str) -> bytes:
    """Return the JPEG of a voucher to the person who sent it.

    Raises:
        NotFound: there is no such voucher of this person.
        ImageBroken: the file is not the one that was stored.
    """
    permit(t, person, "check_voucher")
    with t.reading() as c:
        row = queries.voucher_of(c, voucher_id)
    if row is None or row.pii_principal_id != person:
        raise NotFound
    return picture_of(folder, voucher_id, row.digest)


def picture_of(folder: Path, voucher_id: str, digest: str) -> bytes:
    """Return a stored picture if it still is what its row says (S-13).

    Raises:
        ImageBroken: it is missing or was changed.
    """
    try:
        picture = (folder / f"{voucher_id}.jpg").read_bytes()
    except FileNotFoundError:
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
    permit(t, person, "take_payment")
    with t.transaction() as c:
        row = queries.voucher_of(c, voucher_id)
        if row is None or row.pii_principal_id != person:
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
    (folder / f"{voucher_id}.jpg").unlink(missing_ok=True)


def sweep_vouchers(t: Troth, folder: Path) -> int:
    """Remove files that no row names and that no upload can still be at work on; return how many.

    Raises:
        StoreUnavailable: the rows cannot be read; then nothing is removed.
    """
    if not folder.is_dir():
        return 0
    before = time.time() - AT_WORK_SECONDS
    old = [p for p in folder.iterdir() if p.suffix in (".jpg", ".part") and _older(p, before)]
    known: set[str] = set()
    for start in range(0, len(old), 500):
        with t.reading() as c:
            known |= queries.known_vouchers(c, [p.stem for p in old[start : start + 500]])
    orphans = [p for p in old if p.suffix == ".part" or p.stem not in known]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def _older(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:
        return False


def _write(folder: Path, voucher_id: str, picture: bytes) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, part = folder / f"{voucher_id}.jpg", folder / f"{voucher_id}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(picture)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _flush_folder(folder)
    return path


def _flush_folder(folder: Path) -> None:
    # A rename is on the disk only when the folder is.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
