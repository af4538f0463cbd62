# What this cloud asks for beside the shared names.
variable "lambda_requests" {
  description = "Requests at once that Lambda answers, and the host name leads to it; 0: the load balancer and ECS answer."
  type        = number
  default     = 0
}
