"""A receipt's subject for the tests of receipts, with a value in every field."""

from collections.abc import Mapping

from troth.core.receipt import (
    ReceiptController,
    ReceiptEvent,
    ReceiptNotice,
    ReceiptPiiType,
    ReceiptPurpose,
    ReceiptSubject,
)

DIGEST = "5f" * 32


def event_of(number: int, **changes: str | int | None) -> ReceiptEvent:
    fields: dict[str, str | int | None] = {
        "event_id": f"event-{number:06d}",
        "record_id": "record-1",
        "pii_principal_id": "person-1",
        "purpose_id": "scan_product",
        "event_type": "expressed_consent",
        "event_state": "consent_given",
        "event_time": "2025-05-12T08:00:00.000000Z",
        "recorded_at": 1_747_036_800_000_000 + number,
        "valid_until": None,
        "entity_id": "person-1",
        "entity_role": "pii_principal",
        "indication_method": "按下「允许」按钮",
        "notice_digest": DIGEST,
        "language": "zh-CN",
    }
    return ReceiptEvent(fields | changes, bytes([number % 251]) * 16)


def subject_of(*events: ReceiptEvent, **changes: object) -> ReceiptSubject:
    values: Mapping[str, object] = {
        "receipt_id": "receipt-1",
        "issued_at": "2025-05-12T08:00:02.000000Z",
        "record_id": "record-1",
        "pii_principal_id": "person-1",
        "controller": ReceiptController("示例商店", "privacy@shop.example"),
        "notice": ReceiptNotice("scan_product", "3.1", DIGEST, "zh-CN"),
        "purposes": (
            ReceiptPurpose(
                purpose_id="scan_product",
                title="扫码查看商品",
                lawful_basis="consent",
                pii_types=(ReceiptPiiType("camera_image", is_optional=True, is_sensitive=False),),
                collection_method="camera",
                retention_period="PT0S",
                recipients=("没有接收方",),
                storage_locations=("仅在您的设备上",),
                processing_locations=("中国境内",),
            ),
        ),
        "withdrawal_method": "我的 › 设置 › 隐私设置",
        "privacy_rights": ("查阅", "复制", "更正", "删除"),
        "jurisdiction": "CN",
        "status_url": "https://shop.example/privacy/consents/record-1",
        "events": events,
    }
    return ReceiptSubject(**{**values, **changes})  # type: ignore[arg-type]
