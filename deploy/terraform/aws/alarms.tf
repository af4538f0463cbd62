resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = aws_kms_key.main.id
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  balancer = { LoadBalancer = aws_lb.main.arn_suffix }
  instance = { DBInstanceIdentifier = aws_db_instance.main.identifier }
  alarms = {
    errors = {
      space = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", of = local.balancer, statistic = "Sum",
      above = true, threshold = 10, minutes = 5
    }
    slow = {
      space = "AWS/ApplicationELB", metric = "TargetResponseTime", of = local.balancer, statistic = "Average",
      above = true, threshold = 1, minutes = 10
    }
    nobody-answers = {
      space = "AWS/ApplicationELB", metric = "HealthyHostCount",
      of    = merge(local.balancer, { TargetGroup = aws_lb_target_group.app.arn_suffix }), statistic = "Minimum",
      above = false, threshold = 1, minutes = 2
    }
    database-disk = {
      space = "AWS/RDS", metric = "FreeStorageSpace", of = local.instance, statistic = "Minimum",
      above = false, threshold = 10737418240, minutes = 10
    }
    database-cpu = {
      space = "AWS/RDS", metric = "CPUUtilization", of = local.instance, statistic = "Average",
      above = true, threshold = 85, minutes = 15
    }
    database-connections = {
      space = "AWS/RDS", metric = "DatabaseConnections", of = local.instance, statistic = "Maximum",
      above = true, threshold = 350, minutes = 10
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "of" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  namespace           = each.value.space
  metric_name         = each.value.metric
  dimensions          = each.value.of
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = each.value.above ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.value.above ? "notBreaching" : "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
