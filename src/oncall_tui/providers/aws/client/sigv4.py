"""Signature Version 4 for requests that botocore does not make: an Alertmanager of Amazon Managed Prometheus.

Facts: the IAM user guide ("AWS Signature Version 4 for API requests"); the user guide of Amazon Managed Service for
Prometheus (the service's name is ``aps``). Of the headers only the host and AWS's own are signed, so that a gateway in
between may add others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoRegionError

from oncall_tui import errors
from oncall_tui.providers.aws.client import errors as aws_errors
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.options import AwsOptions
from oncall_tui.runtime.login_program import shown
from oncall_tui.runtime.secret import keep_secret

_PERMISSION = re.compile(r"perform:? ([A-Za-z0-9-]+:[A-Za-z*]+)")


class SigningOptions(Protocol):
    """A source's options as far as signing needs them."""

    name: str
    provider: str
    profile: str
    act_profile: str
    role_arn: str
    act_role_arn: str
    signing_service: str

    @property
    def login(self) -> tuple[str, ...]: ...
    @property
    def signing_region(self) -> str: ...


class SigV4Signer:
    """Signs the requests of one source (base.Signer)."""

    def __init__(self, options: SigningOptions) -> None:
        self._service = options.signing_service
        self._region = options.signing_region
        self._profile = options.profile
        aws = AwsOptions(
            name=options.name,
            provider=options.provider,
            login=options.login,
            region=self._region,
            profile=options.profile,
            act_profile=options.act_profile,
            role_arn=options.role_arn,
            act_role_arn=options.act_role_arn,
        )
        self._sessions = Sessions(aws)

    @property
    def login(self) -> tuple[str, ...]:
        return self._sessions.login

    def headers(self, method: str, url: str, body: bytes, acting: bool) -> Mapping[str, str]:
        """Return ``Authorization`` and AWS's own headers for this request as it stands, signed now."""
        try:
            keys = self._sessions.keys(acting)
            region = self._region or self._default_region()
        except Exception as error:
            mapped = aws_errors.reading(error, self._sessions.where(self._service, method, acting))
            if mapped is None:
                raise
            raise mapped from None
        token = keys.get("AWS_SESSION_TOKEN")
        for value in (keys["AWS_SECRET_ACCESS_KEY"], token):
            if value:
                keep_secret(value)
        request = AWSRequest(method=method, url=url, data=body)
        credentials = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], token)
        SigV4Auth(credentials, self._service, region).add_auth(request)
        return dict(request.headers.items())

    def denied(self, text: str) -> errors.SourceError | None:
        """Return the meaning of a 403 that says *text*; None where it is not of the signature or the permission."""
        said = text.lower()
        renew = shown(" ".join(self.login)) or "renew the login that gives this program its AWS keys"
        if "signature expired" in said or "not yet current" in said or "requesttimetooskewed" in said:
            return errors.Offline("AWS says that this machine's clock is wrong", "set the clock (NTP)")
        if "token" in said and "expired" in said:
            return errors.Expired("the AWS login has expired", renew)
        if "token included in the request is invalid" in said or "unrecognizedclient" in said:
            return errors.NoCredentials("AWS does not accept these keys", renew)
        if ("signature" in said and "match" in said) or "credential should be scoped" in said:
            hint = "check the secret key, and the source's region and signing_service"
            return errors.NoCredentials("AWS does not accept the signature", hint)
        if found := _PERMISSION.search(text):
            return errors.Denied(f"AWS denies {found[1]}", f"needs {found[1]}")
        return None

    def renew(self) -> None:
        """Forget the keys."""
        self._sessions.renew()

    def _default_region(self) -> str:
        region = botocore.session.Session(profile=self._profile or None).get_config_variable("region")
        if not region:
            raise NoRegionError
        return str(region)


def build_signer(options: Any) -> SigV4Signer:
    """The signer for a source with these options."""
    return SigV4Signer(options)
