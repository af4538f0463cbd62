# What this cloud asks for beside the shared names.
variable "subscription" {
  description = "The subscription that pays."
  type        = string
}

variable "dns_resource_group" {
  description = "Where the zone lies that is here already."
  type        = string
}
