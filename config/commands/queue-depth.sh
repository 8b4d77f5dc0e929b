#!/bin/sh
# A runbook's script: it gets the service's name as its argument, and the row's other fields as variables.
set -eu
service="$1"
echo "queues of $service in $ONCALL_REGION, for $ONCALL_ACTOR"
for url in $(aws sqs list-queues --region "$ONCALL_REGION" --queue-name-prefix "$service" --query 'QueueUrls[]' --output text); do
    aws sqs get-queue-attributes --region "$ONCALL_REGION" --queue-url "$url" \
        --attribute-names ApproximateNumberOfMessages --query 'Attributes' --output text
done
