"""An SQS queue that an EventBridge rule fills: AWS's own events, as they happen."""
