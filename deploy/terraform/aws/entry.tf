data "aws_route53_zone" "main" {
  name = var.dns_zone
}

resource "aws_acm_certificate" "main" {
  domain_name       = var.host_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "certificate" {
  for_each = {
    for option in aws_acm_certificate.main.domain_validation_options : option.domain_name => option
  }
  zone_id = data.aws_route53_zone.main.zone_id
  name    = each.value.resource_record_name
  type    = each.value.resource_record_type
  records = [each.value.resource_record_value]
  ttl     = 300
}

resource "aws_acm_certificate_validation" "main" {
  certificate_arn         = aws_acm_certificate.main.arn
  validation_record_fqdns = [for record in aws_route53_record.certificate : record.fqdn]
}

locals {
  of_the_api = flatten([for domain in aws_apigatewayv2_domain_name.of : domain.domain_name_configuration])
}

resource "aws_route53_record" "main" {
  zone_id = data.aws_route53_zone.main.zone_id
  name    = var.host_name
  type    = "A"

  alias {
    name                   = var.lambda_requests > 0 ? local.of_the_api[0].target_domain_name : aws_lb.main.dns_name
    zone_id                = var.lambda_requests > 0 ? local.of_the_api[0].hosted_zone_id : aws_lb.main.zone_id
    evaluate_target_health = true
  }
}

# It takes a request in whole headers, at most 64 KB of them, and closes a connection that is idle for a minute.
resource "aws_lb" "main" {
  # checkov:skip=CKV_AWS_91:its log has addresses with their queries, in which people search for names
  # checkov:skip=CKV2_AWS_76:the firewall below has the rules for known bad input; Log4j is no part of the product
  name                       = var.name
  load_balancer_type         = "application"
  subnets                    = [for subnet in aws_subnet.public : subnet.id]
  security_groups            = [aws_security_group.entry.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = true
  idle_timeout               = 60
}

resource "aws_lb_target_group" "app" {
  # checkov:skip=CKV_AWS_378:between the load balancer and the app lies a private network; the app speaks no TLS
  name                 = "${var.name}-app"
  vpc_id               = aws_vpc.main.id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 8000
  deregistration_delay = 30

  health_check {
    path                = "/health/ready"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.main.arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.main.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.app.arn
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.main.arn
  protocol          = "HTTP"
  port              = 80

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_wafv2_web_acl" "main" {
  # checkov:skip=CKV2_AWS_31:its log has addresses with their queries, in which people search for names
  name  = var.name
  scope = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "bad-input"
    priority = 1

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesKnownBadInputsRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "bad-input"
      sampled_requests_enabled   = false
    }
  }

  rule {
    name     = "too-many"
    priority = 2

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit              = 30000
        aggregate_key_type = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "too-many"
      sampled_requests_enabled   = false
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "main" {
  resource_arn = aws_lb.main.arn
  web_acl_arn  = aws_wafv2_web_acl.main.arn
}
