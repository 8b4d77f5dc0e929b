# The rule and the queue of a source `provider: eventbridge` (docs/events.md), one for each account, region and reader.

variable "name" {
  type        = string
  default     = "oncall-events"
  description = "The queue's and the rule's name. Each reader (a recorder, or a board without one) has its own."
}

resource "aws_sqs_queue" "events" {
  name                       = var.name
  message_retention_seconds  = 3600 # an older event is no news, and what it told is read in another way
  visibility_timeout_seconds = 30
  sqs_managed_sse_enabled    = true
  # No dead-letter queue: an event only makes things sooner, and what is no event is named, and goes after that hour.
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheRuleAlone"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.events.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.events.arn } }
    }]
  })
}

resource "aws_cloudwatch_event_rule" "events" {
  name        = var.name
  description = "What oncall-tui wants to hear at once"
  event_pattern = jsonencode({
    "$or" = [
      { source = ["aws.ecs"], "detail-type" = ["ECS Deployment State Change", "ECS Service Action"] },
      { source = ["aws.ecs"], "detail-type" = ["ECS Task State Change"], detail = { lastStatus = ["STOPPED"] } },
      { source = ["aws.codedeploy"], "detail-type" = ["CodeDeploy Deployment State-change Notification"] },
      { source = ["aws.rds"], "detail-type" = ["RDS DB Instance Event", "RDS DB Cluster Event"] },
      { source = ["aws.health"], "detail-type" = ["AWS Health Event"] },
      { source = ["aws.application-autoscaling"], "detail-type" = ["Application Auto Scaling Scaling Activity State Change"] },
      { source = ["aws.cloudwatch"], "detail-type" = ["CloudWatch Alarm Configuration Change"] },
    ]
  })
}

resource "aws_cloudwatch_event_target" "events" {
  rule      = aws_cloudwatch_event_rule.events.name
  target_id = "queue"
  arn       = aws_sqs_queue.events.arn
}

output "queue_url" {
  value       = aws_sqs_queue.events.url
  description = "The source's `queue`"
}

output "queue_arn" {
  value       = aws_sqs_queue.events.arn
  description = "The Resource of config/iam/events.json"
}
