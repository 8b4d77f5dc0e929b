"""An SNS destination's options. Imports no I/O."""

from __future__ import annotations

import re

from oncall_tui.providers.aws.options import AwsOptions
from oncall_tui.providers.options import DestinationOptions

_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


class SnsOptions(DestinationOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One topic. *profile*, *role_arn* and *endpoint_url* as for a source; the region is the topic's.

    *pages*: does it wake a person? Otherwise it only tells.
    """

    topic_arn: str
    profile: str = ""
    role_arn: str = ""
    endpoint_url: str = ""
    pages: bool = True

    def __post_init__(self) -> None:
        if not _TOPIC.fullmatch(self.topic_arn):
            raise ValueError("topic_arn: expected arn:aws:sns:REGION:ACCOUNT:TOPIC")

    def aws(self) -> AwsOptions:
        """Return the endpoint and the credentials of AWS calls."""
        return AwsOptions(
            name=self.name,
            provider=self.provider,
            region=self.topic_arn.split(":")[3],
            profile=self.profile,
            role_arn=self.role_arn,
            endpoint_url=self.endpoint_url,
        )
