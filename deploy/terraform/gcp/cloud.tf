# What this cloud asks for beside the shared names.
variable "project" {
  description = "The project that holds everything; the APIs that are used are switched on in it."
  type        = string
}
