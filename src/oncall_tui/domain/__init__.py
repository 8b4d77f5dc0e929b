"""The domain: pure, frozen values. Times are seconds since the epoch, UTC."""
