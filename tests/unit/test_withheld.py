"""What looks like a secret in texts that others wrote, and what only reminds of one."""

from __future__ import annotations

import pytest

from oncall_tui.text.withheld import withhold, withhold_in

AWS_ID = "AKIA" + "IOSFODNN7EXAMPLE"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("GET /x?api_key=abcd1234&page=2 500", "GET /x?api_key=•••&page=2 500"),
        ("Authorization: Bearer abc.def-123", "Authorization: •••"),
        ("header authorization=Basic YWxpY2U6cHc=, retry", "header authorization=•••, retry"),
        ("sent bearer abcdefgh12 to it", "sent bearer ••• to it"),
        ("DB_PASSWORD=hunter22 failed", "DB_PASSWORD=••• failed"),
        ('{"client_secret": "s3cr3t-value", "user": "bob"}', '{"client_secret": "•••", "user": "bob"}'),
        ("connect postgres://app:pa55@db:5432/shop", "connect postgres://•••@db:5432/shop"),
        ("https://s3.amazonaws.com/b?X-Amz-Signature=0f0f0f&x=1", "https://s3.amazonaws.com/b?X-Amz-Signature=•••&x=1"),
        (f"denied for {AWS_ID}.", "denied for •••."),
        (f"jwt {JWT} expired", "jwt ••• expired"),
        ("post https://hooks.slack.com/services/T0/B0/x1", "post https://hooks.slack.com/services/•••"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nnext", "•••\nnext"),
    ],
)
def test_a_value_that_looks_like_a_secret_is_replaced_and_its_name_stays(text: str, told: str) -> None:
    assert withhold(text) == (told, 1)


@pytest.mark.parametrize(
    "text",
    [
        "Container killed due to memory usage: exit 137 OutOfMemoryError",
        "the token is expired, and the password too",
        "arn:aws:ecs:ap-northeast-1:123456789012:task/main/0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
        "prom/5xx@1790000000 prod/prod-main/payments-api :41→:42",
        "see https://wiki.example.com/runbook?page=2#top and mail bob@example.com",
        "01KB7Q2M3X-7ZK4M2Q9W1XAB-000001A",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert withhold(text) == (text, 0)


def test_in_data_a_name_tells_too() -> None:
    data = {"labels": {"session_token": "abc", "service": "api"}, "lines": [{"text": "pwd=abcd"}, 5, None]}
    assert withhold_in(data) == (
        {"labels": {"session_token": "•••", "service": "api"}, "lines": [{"text": "pwd=•••"}, 5, None]},
        2,
    )


@pytest.mark.parametrize("piece", ["a", "a-", "token", "://", "-----BEGIN PRIVATE KEY-----", "eyJ", "bearer "])
def test_a_long_line_holds_nothing_up(piece: str) -> None:
    text, _ = withhold(piece * 40_000)
    assert text
