"""What a shop offers its creators, and which of them promotes what."""

from connector.programme.collaborations.promotions import promote, withdraw_promotion

__all__ = ["promote", "withdraw_promotion"]
