# The table of a team's journal, for Terraform. Then, in the team's configuration:
#   journal: {dynamodb: {table: oncall-tui-journal, region: ap-northeast-1}}

resource "aws_dynamodb_table" "journal" {
  name                        = "oncall-tui-journal"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = true

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  # keep_days of the configuration
  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

# What each engineer's role, and the recorder's, needs. No Scan, and nothing of other tables.
resource "aws_iam_policy" "journal" {
  name = "oncall-tui-journal"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "ShareJournal"
      Effect = "Allow"
      Action = [
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:DescribeTimeToLive",
      ]
      Resource = aws_dynamodb_table.journal.arn
    }]
  })
}
